import { usageError } from "@afterpatch/core/command-error";
import { durationOf, wholeNumberOf } from "@afterpatch/core/command-line";
import { formatDuration } from "@afterpatch/core/duration";
import { visible } from "@afterpatch/core/text";
import type { Argv } from "yargs";
import { labelsOf } from "../../arguments.ts";
import { command } from "../../command.ts";
import { table } from "../../render/table.ts";
import { instant } from "../../render/time.ts";
import { answered, answeredInSecret, EXITS, reasonIn, reasonOption, trust } from "./common.ts";

const LONGEST_MS = 86_400_000;

/** How long a token works. */
export function expiresIn(text: string, longestMs = LONGEST_MS): number {
  const ms = durationOf("--expires", text);
  if (ms > 0 && ms <= longestMs) return ms;
  const longest = longestMs === LONGEST_MS ? "24h" : formatDuration(longestMs);
  throw usageError("--expires", `'${text}' is not within ${longest}`, `write 1s to ${longest}`);
}

export const EXPIRES = {
  type: "string",
  default: "1h",
  requiresArg: true,
  describe: "How long it is valid, at most 24h",
} as const;

export const tokenCreate = command({
  syntax: "create",
  summary: "Make a join token for new hosts and print it",
  options: (parser) =>
    parser
      .option("uses", { type: "string", default: "1", requiresArg: true, describe: "How many hosts may join with it" })
      .option("expires", EXPIRES)
      .option("label", {
        type: "string",
        array: true,
        default: [] as string[],
        requiresArg: true,
        describe: "A label key=value that each of these hosts gets",
      }),
  exits: "0 printed, 4 controller unreachable, 5 usage or credentials; permission refused",
  examples: [
    ["afterpatch token create > join.token", "one host, within an hour"],
    ["afterpatch token create --uses 20 --expires 8h --label role=web", "twenty web servers, today"],
  ],
  run: async (args, shell) => {
    const uses = wholeNumberOf("--uses", args.uses, 1, 10_000);
    const expiresMs = expiresIn(args.expires);
    const labels = labelsOf(args.label);
    const work = async (ask: Parameters<Parameters<typeof answered>[2]>[0]) => {
      const { controlService } = await import("@afterpatch/wire/services");
      const { token, expiresAt } = await ask("token create", controlService.createToken, { uses, expiresMs, labels });
      const document = { schema: "afterpatch.token/v1", token: visible(token), expiresAt, uses, labels };
      return { document, table: () => `${visible(token)}\n` };
    };
    return answeredInSecret(args, shell, work);
  },
});

export const tokenList = command({
  syntax: "list",
  summary: "Tokens that still work, without their secrets",
  options: (parser: Argv) => parser,
  exits: EXITS,
  examples: [["afterpatch token list", "what could still join"]],
  run: (args, shell) =>
    answered(args, shell, async (ask) => {
      const answer = await ask("token list", (await trust()).listTokens, {});
      const tokens = answer.tokens.map(
        ({ id, expiresAt, usesLeft, labels, createdBy, operator, failures, ofMachine }) => ({
          id: visible(id),
          for: operator === "" ? "hosts" : `${ofMachine ? "machine" : "operator"} ${visible(operator)}`,
          // Null: any number of times.
          ...{
            usesLeft: ofMachine ? null : usesLeft,
            expiresAt: instant(expiresAt),
            createdBy: visible(createdBy),
            failures,
          },
          labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [visible(key), visible(value)])),
        }),
      );
      const columns = ["ID", "FOR", "USES LEFT", "UNTIL", "BY", "LABELS", "FAILURES"].map((title) => ({ title }));
      const rows = tokens.map((token) => {
        const labels = Object.entries(token.labels).map(([key, value]) => `${key}=${value}`);
        const words = [token.id, token.for, String(token.usesLeft ?? "any"), token.expiresAt, token.createdBy];
        return [...words, labels.join(",") || "-", String(token.failures)].map((text) => ({ text }));
      });
      return {
        document: { schema: "afterpatch.tokens/v1", tokens },
        lines: tokens,
        table: (paint) =>
          tokens.length === 0
            ? "No token works; make one with 'afterpatch token create'.\n"
            : table(columns, rows, paint),
      };
    }),
});

export const tokenRevoke = command({
  syntax: "revoke <id>",
  summary: "Let nobody join with a token any more",
  options: (parser) =>
    reasonOption(parser.positional("id", { type: "string", demandOption: true, describe: "As 'token list' shows it" })),
  exits: `${EXITS}; 6 no such token`,
  examples: [["afterpatch token revoke kEYid23456 --reason 'sent to the wrong chat'", "nobody joins with it"]],
  run: async (args, shell) => {
    const reason = reasonIn(args.reason);
    // A whole token is a secret that was typed by mistake: it is not sent on, its id is.
    const id = /^ap1\.([A-Za-z0-9]{10})\./.exec(args.id)?.[1] ?? args.id;
    return answered(args, shell, async (ask) => {
      await ask("token revoke", (await trust()).revokeToken, { id, reason });
      const document = { schema: "afterpatch.tokens/v1", revoked: visible(id) };
      return { document, table: () => `Token ${visible(id)} works no more\n` };
    });
  },
});
