import { usageError } from "@afterpatch/core/command-error";
import { visible } from "@afterpatch/core/text";
import type { Argv } from "yargs";
import { command } from "../../command.ts";
import { table } from "../../render/table.ts";
import { age, instant } from "../../render/time.ts";
import type { Shell, Target } from "../../shell.ts";
import { answered, confirm, EXITS, reasonIn, reasonOption, trust, yesOption } from "./common.ts";

const ONE = `${EXITS}; 6 no such host`;
const one = (parser: Argv) => parser.positional("host", { type: "string", demandOption: true, describe: "One host" });
const ordered = (parser: Argv) => yesOption(reasonOption(one(parser)));

export const hostsRevoke = command({
  syntax: "revoke <host>",
  summary: "Let a host in no more, for good, and end its connections at once; its id and its name stay taken",
  options: ordered,
  exits: ONE,
  examples: [["afterpatch hosts revoke web03 --reason 'stolen, ticket 4711' --yes", "its key may be in wrong hands"]],
  run: (args, shell) => end(args, shell, "revokeHost", "hosts revoke", "Revoke", "Revoked"),
});

export const hostsForget = command({
  syntax: "forget <host>",
  summary: "The host is no more: as revoke, and its name may be used again",
  options: ordered,
  exits: ONE,
  examples: [["afterpatch hosts forget web03 --reason 'reinstalled' --yes", "it can be enrolled anew under its name"]],
  run: (args, shell) => end(args, shell, "forgetHost", "hosts forget", "Forget", "Forgot"),
});

interface Ordered extends Target {
  readonly host: string;
  readonly reason: string | undefined;
}

async function end(
  args: Ordered & { readonly yes: boolean },
  shell: Shell,
  method: "revokeHost" | "forgetHost",
  what: string,
  verb: string,
  done: string,
) {
  const host = hostIn(args.host);
  const reason = reasonIn(args.reason);
  return answered(args, shell, async (ask) => {
    await confirm(shell, what, `${verb} ${visible(host)} for good?`, args.yes);
    const answer = await ask(what, (await trust())[method], { host, reason });
    const [id, name] = [visible(answer.id), visible(answer.name)];
    const inHandOf = answer.inHandOf === "" ? null : visible(answer.inHandOf);
    const document = { schema: "afterpatch.revocation/v1", id, name, wasConnected: answer.wasConnected, inHandOf };
    const ended = answer.wasConnected ? "its connection was ended" : "it was not connected";
    const lost = inHandOf === null ? "" : `It was in hand of ${inHandOf}, which loses it.\n`;
    return { document, table: () => `${done} ${name}; ${ended}\n${lost}` };
  });
}

function hostIn(host: string): string {
  if (host.trim() === "") throw usageError("host", "is empty", "write the name of one host");
  return host;
}

export const hostsWaiting = command({
  syntax: "waiting",
  summary: "Hosts that wait for a person: their certificate has expired, or two machines speak as one",
  options: (parser: Argv) => parser,
  exits: EXITS,
  examples: [["afterpatch hosts waiting", "who was switched off for longer than a certificate lives"]],
  run: (args, shell) =>
    answered(args, shell, async (ask) => {
      const answer = await ask("hosts waiting", (await trust()).listWaitingHosts, {});
      const hosts = answer.hosts.map(({ id, name, why, since }) => ({
        ...{ name: visible(name), id: visible(id), why: visible(why) },
        since: since === 0 ? null : instant(since),
        remedy: why === "quarantined" ? "hosts release, or revoke" : "hosts readmit, or forget",
      }));
      const columns = ["HOST", "WHY", "FOR", "THEN"].map((title) => ({ title }));
      const rows = hosts.map(({ name, why, remedy }, index) => {
        const since = answer.hosts[index]?.since ?? 0;
        return [name, why, since === 0 ? "-" : age(since, shell.now()), remedy].map((text) => ({ text }));
      });
      const none = "No host waits for anybody.\n";
      return {
        document: { schema: "afterpatch.waiting/v1", hosts },
        lines: hosts,
        table: (paint) => (hosts.length === 0 ? none : table(columns, rows, paint)),
      };
    }),
});

export const hostsReadmit = command({
  syntax: "readmit <host>",
  summary: "A host whose certificate has expired gets a new one when it asks next, within an hour",
  options: (parser) => reasonOption(one(parser)),
  exits: ONE,
  examples: [["afterpatch hosts readmit web03 --reason 'back from storage'", "it was off for two months"]],
  run: (args, shell) =>
    order(args, shell, "readmitHost", "hosts readmit", "is let in when it asks next, within an hour"),
});

export const hostsRelease = command({
  syntax: "release <host>",
  summary: "End the quarantine of a host as which two machines spoke",
  options: (parser) => reasonOption(one(parser)),
  exits: ONE,
  examples: [["afterpatch hosts release web03 --reason 'the clone is switched off'", "one of the two is gone"]],
  run: (args, shell) => order(args, shell, "releaseHost", "hosts release", "is in quarantine no more"),
});

async function order(args: Ordered, shell: Shell, method: "readmitHost" | "releaseHost", what: string, done: string) {
  const host = hostIn(args.host);
  const reason = reasonIn(args.reason);
  return answered(args, shell, async (ask) => {
    const { id, name } = await ask(what, (await trust())[method], { host, reason });
    const document = { schema: "afterpatch.waiting/v1", hosts: [{ id: visible(id), name: visible(name) }] };
    return { document, table: () => `${visible(name)} ${done}\n` };
  });
}
