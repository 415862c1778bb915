import { EXIT, type ExitCode, worst } from "@afterpatch/core/exit";
import { isFilter } from "@afterpatch/core/plan/filter";
import { command } from "../command.ts";
import { causesOf } from "../documents/causes.ts";
import { tellComingBack } from "../documents/coming-back.ts";
import { usersExitCode } from "../documents/fleet-users.ts";
import { answersOf } from "../documents/old-code.ts";
import type { StatusDocument } from "../documents/status.ts";
import { usageError } from "@afterpatch/core/command-error";
import { tellReached } from "../documents/reached.ts";
import { checkTarget, emit, isForPrograms } from "../output.ts";
import type { Paint, Shell, Target } from "../shell.ts";
import { renderByCause } from "../render/status-by-cause.ts";
import { renderStatus } from "../render/status.ts";
import { type FilterArgs, filterOf, questionOptions } from "./filter-options.ts";
import { type ScopeArgs, scopeOf, scopeOptions } from "./scope-options.ts";

const exitCodeOption = {
  type: "boolean",
  default: false,
  describe: "Exit 10 if anything runs old code, 4 if a host is lost, never reported or could not be scanned",
} as const;

const byOption = {
  choices: ["cause", "host"] as const,
  requiresArg: true,
  describe: "Causes with their units and hosts, or a row for each host; JSON has its causes with --by cause",
  defaultDescription: '"cause" in tables',
} as const;

export const status = command({
  syntax: "status [pattern]",
  summary: "What runs old code, why and where, as last reported",
  options: (parser) =>
    questionOptions(scopeOptions(parser))
      .positional("pattern", { type: "string", describe: "Hosts; all if not given" })
      .option("by", byOption)
      .option("exit-code", exitCodeOption),
  exits:
    "0 shown, 4 controller unreachable or a host of the inventory is not enrolled (with --exit-code also: a host is lost, never reported or could not be scanned), 5 usage or credentials, 6 no such host, 10 with --exit-code: something runs old code",
  examples: [
    ["afterpatch status", "the fleet: cause, unit, hosts"],
    ["afterpatch status 'role=web,!web03' --by host -o wide", "web servers but one, host by host, with labels"],
    ["afterpatch status --cve CVE-2026-28387", "what runs code from before its fix"],
    ["afterpatch status -i production/ -l web", "a group of an Ansible inventory"],
    ["afterpatch status all -o json --exit-code", "for a pipeline"],
  ],
  run: (args, shell) => show(args, shell, false),
});

export const scan = command({
  syntax: "scan <pattern>",
  summary: "Scan hosts now, then show their status",
  options: (parser) =>
    questionOptions(scopeOptions(parser))
      .positional("pattern", { type: "string", demandOption: true, describe: "Hosts" })
      .option("by", byOption)
      .option("exit-code", exitCodeOption),
  exits:
    "0 scanned, 4 a host gave no scan of now or is not enrolled, or controller unreachable, 5 usage or credentials, 6 no such host, 10 with --exit-code: something runs old code",
  examples: [
    ["afterpatch scan all", "after an upgrade, before the agents report by themselves"],
    ["afterpatch scan 'role=web' --exit-code", "exit 10 while anything runs old code"],
  ],
  run: (args, shell) => show(args, shell, true),
});

interface ShowArguments extends Target, ScopeArgs, FilterArgs {
  /** Absent: every host, and an empty fleet is then no error. */
  readonly pattern?: string | undefined;
  readonly by?: "cause" | "host" | undefined;
  readonly exitCode: boolean;
}

async function show(args: ShowArguments, shell: Shell, fresh: boolean): Promise<ExitCode> {
  if (args.pattern === "") throw usageError("pattern", "is empty", "write 'all' for every host");
  const scope = await scopeOf(args, shell);
  const filter = filterOf(args, null);
  const isPart = isFilter(filter);
  if (args.by === "host" && isPart)
    throw usageError("--by", "a row of a host counts all that is old there", "leave it out, or see 'afterpatch users'");
  await checkTarget(args);
  const { connect } = await import("../connection.ts");
  const { statusDocument } = await import("../documents/status.ts");
  const control = await connect(shell);
  const listed = statusDocument(await control.listHosts(args.pattern ?? "", fresh, scope));
  tellComingBack(listed.comingBack, shell);
  tellReached(listed, shell);
  const isByCause = args.by === "cause" || isPart || (args.by !== "host" && !isForPrograms(args));
  const answers = isByCause
    ? answersOf(await control.findOldCode(args.pattern ?? "", filter, scope, fresh ? "scan" : "status"), filter)
    : null;
  const causes = answers && causesOf(answers.groups);
  const unknown = answers?.hosts.flatMap(({ name, unknown: why }) => (why.length > 0 ? [{ name, why }] : [])) ?? [];
  const document = causes ? { ...listed, causes, unknown } : listed;
  const table = (paint: Paint, isWide: boolean) =>
    answers && causes
      ? renderByCause({ document: listed, answers, causes, isPart }, shell.now(), paint, isWide)
      : renderStatus(listed, shell.now(), paint, isWide);
  await emit({ document, lines: causes ?? listed.hosts, table }, args, shell);
  // A scan that was asked for and not made is never success.
  const isComplete = listed.notEnrolled.length === 0 && listed.hosts.every((host) => host.notScanned === null);
  const found = isPart && answers ? usersExitCode(answers.hosts) : exitCodeOf(listed);
  return worst([args.exitCode ? found : EXIT.ok, isComplete ? EXIT.ok : EXIT.unreachable]);
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
