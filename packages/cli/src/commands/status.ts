import { EXIT, type ExitCode, worst } from "@afterpatch/core/exit";
import { command } from "../command.ts";
import { tellComingBack } from "../documents/coming-back.ts";
import type { StatusDocument } from "../documents/status.ts";
import { usageError } from "@afterpatch/core/command-error";
import { tellReached } from "../documents/reached.ts";
import { checkTarget, emit } from "../output.ts";
import type { Shell, Target } from "../shell.ts";
import { renderStatus } from "../render/status.ts";
import { type ScopeArgs, scopeOf, scopeOptions } from "./scope-options.ts";

const exitCodeOption = {
  type: "boolean",
  default: false,
  describe: "Exit 10 if anything runs old code, 4 if a host is lost, never reported or could not be scanned",
} as const;

export const status = command({
  syntax: "status [pattern]",
  summary: "What runs old code, host by host, as last reported",
  options: (parser) =>
    scopeOptions(parser)
      .positional("pattern", { type: "string", describe: "Hosts; all if not given" })
      .option("exit-code", exitCodeOption),
  exits:
    "0 shown, 4 controller unreachable or a host of the inventory is not enrolled (with --exit-code also: a host is lost, never reported or could not be scanned), 5 usage or credentials, 6 no such host, 10 with --exit-code: something runs old code",
  examples: [
    ["afterpatch status", "every host"],
    ["afterpatch status 'role=web,!web03' -o wide", "web servers but one, with labels"],
    ["afterpatch status -i production/ -l web", "a group of an Ansible inventory"],
    ["afterpatch status all -o json --exit-code", "for a pipeline"],
  ],
  run: (args, shell) => show(args, shell, false),
});

export const scan = command({
  syntax: "scan <pattern>",
  summary: "Scan hosts now, then show their status",
  options: (parser) =>
    scopeOptions(parser)
      .positional("pattern", { type: "string", demandOption: true, describe: "Hosts" })
      .option("exit-code", exitCodeOption),
  exits:
    "0 scanned, 4 a host gave no scan of now or is not enrolled, or controller unreachable, 5 usage or credentials, 6 no such host, 10 with --exit-code: something runs old code",
  examples: [
    ["afterpatch scan all", "after an upgrade, before the agents report by themselves"],
    ["afterpatch scan 'role=web' --exit-code", "exit 10 while anything runs old code"],
  ],
  run: (args, shell) => show(args, shell, true),
});

interface ShowArguments extends Target, ScopeArgs {
  /** Absent: every host, and an empty fleet is then no error. */
  readonly pattern?: string | undefined;
  readonly exitCode: boolean;
}

async function show(args: ShowArguments, shell: Shell, fresh: boolean): Promise<ExitCode> {
  if (args.pattern === "") throw usageError("pattern", "is empty", "write 'all' for every host");
  const scope = await scopeOf(args, shell);
  await checkTarget(args);
  const { connect } = await import("../connection.ts");
  const { statusDocument } = await import("../documents/status.ts");
  const control = await connect(shell);
  const document = statusDocument(await control.listHosts(args.pattern ?? "", fresh, scope));
  tellComingBack(document.comingBack, shell);
  tellReached(document, shell);
  const lines = document.hosts;
  await emit(
    { document, lines, table: (paint, isWide) => renderStatus(document, shell.now(), paint, isWide) },
    args,
    shell,
  );
  // A scan that was asked for and not made is never success.
  const isComplete = document.notEnrolled.length === 0 && document.hosts.every((host) => host.notScanned === null);
  return worst([args.exitCode ? exitCodeOf(document) : EXIT.ok, isComplete ? EXIT.ok : EXIT.unreachable]);
}

function exitCodeOf({ hosts }: StatusDocument): ExitCode {
  return worst(
    hosts.flatMap((host) => {
      const isPending = host.reboot === true || Object.values(host.findings ?? {}).some((count) => count > 0);
      // Nobody knows what runs there now: unknown is never fine.
      const isUncovered = host.presence === "lost" || host.findings === null || host.scanFailed !== null;
      return [...(isPending ? [EXIT.pending] : []), ...(isUncovered ? [EXIT.unreachable] : [])];
    }),
  );
}
