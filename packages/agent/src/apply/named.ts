import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { nearest } from "@afterpatch/core/fleet/nearest";
import type { ApplicationRule } from "@afterpatch/core/policy/types";
import { someOf, visible } from "@afterpatch/core/text";
import type { ApplyArguments } from "../commands/apply.ts";
import { cveOf } from "../commands/cve.ts";
import { StepError } from "../effects/error.ts";
import { readUnit } from "../effects/service/unit.ts";
import { isScript } from "../effects/controlled/control.ts";
import { hasScript } from "../effects/controlled/script.ts";
import { processTable } from "../effects/processes.ts";
import { readSupervised } from "../supervised/read.ts";
import { parseSupervisedTarget, supervisedTarget } from "@afterpatch/core/supervised/owner";
import { HOST_DATABASES } from "../host/packages/ask.ts";
import type { ScanOptions } from "../host/scan.ts";
import { fixesOnHost } from "../look/fixes.ts";
import { leadsTo, notFixed, usersOf } from "../look/users.ts";
import { PROGRAM } from "../usage.ts";
import { type LibraryUsers, processKey, type Selection, unitName } from "./select.ts";
import { sessionServices } from "./session-services.ts";

const MOST_SHOWN = 20;

/** What the command line names. All of it exists: a mistake in a name must not pass for "nothing to do". */
export async function named(
  args: Pick<ApplyArguments, "only" | "unit" | "service" | "application" | "library" | "package" | "cve">,
  rules: readonly ApplicationRule[],
  options: Omit<ScanOptions, "all">,
): Promise<Selection> {
  const units = args.unit.map(serviceName);
  for (const unit of units) await checkUnit(unit);
  for (const name of args.application) checkRule(name, rules);
  for (const path of args.library) tellWhereItLeads(path);
  return {
    only: args.only,
    units,
    services: await sessionServices(args.service),
    applications: args.application,
    users: libraryUsers(args.library, args.package, options),
    cves: args.cve.map((text) => fixedCve(text, options)),
  };
}

/** One that no changelog of this host names is a mistake, or not fixed here: nobody knows what runs without its fix. */
function fixedCve(text: string, options: Omit<ScanOptions, "all">): string {
  const id = cveOf(text);
  const { fixes, untold } = fixesOnHost(id, options.databases ?? HOST_DATABASES);
  if (fixes.length > 0) return id;
  throw notFixed(id, untold);
}

/** Who has mapped what: paths, globs and packages as `users` takes them. */
function libraryUsers(
  libraries: readonly string[],
  packages: readonly string[],
  options: Omit<ScanOptions, "all">,
): LibraryUsers | null {
  if (libraries.length + packages.length === 0) return null;
  const asked = [
    ...(libraries.length > 0 ? [{ paths: libraries, package: null }] : []),
    ...packages.map((name) => ({ paths: [], package: name })),
  ];
  const users = asked.flatMap((one) => usersOf(one, options).users);
  return {
    asked: [...libraries, ...packages].map(visible).join(", "),
    old: new Set(users.filter(({ file }) => file.copy === "old").map(({ process }) => processKey(process))),
    count: new Set(users.map(({ process }) => processKey(process))).size,
  };
}

/** A link names a file that processes do not have under that name: who upgrades it may have turned the link since. */
function tellWhereItLeads(path: string): void {
  const target = leadsTo(path);
  if (target === null) return;
  const why = `${visible(path)} leads to ${target}; who has that file is meant`;
  process.stderr.write(`${PROGRAM}: --library: ${why}\n`);
}

/** As the service's manager calls it: a unit of systemd, or a script where systemd is not PID 1. */
function serviceName(name: string): string {
  if (parseSupervisedTarget(name) !== null) return name;
  const script = name.replace(/\.service$/, "");
  return isScript(script) ? script : unitName(name);
}

async function checkUnit(unit: string): Promise<void> {
  if (parseSupervisedTarget(unit) !== null) {
    const known = readSupervised(processTable()).map(supervisedTarget);
    if (known.includes(unit)) return;
    const some =
      known.length === 0 ? "none is kept here by runit, s6 or supervisord" : `known here: ${known.join(", ")}`;
    throw new CommandError(EXIT.selection, "--unit", `there is no ${visible(unit)}`, some);
  }
  if (isScript(unit)) {
    if (hasScript(unit)) return;
    throw new CommandError(EXIT.selection, "--unit", `there is no script ${visible(unit)}`, "see 'ls /etc/init.d'");
  }
  try {
    await readUnit(unit);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const todo = "see 'systemctl list-units --type=service'";
    throw new CommandError(EXIT.selection, "--unit", error.message, todo, { cause: error });
  }
}

function checkRule(name: string, rules: readonly ApplicationRule[]): void {
  const names = rules.map((rule) => rule.name);
  if (names.includes(name)) return;
  const near = nearest(name, names);
  const known = near.length > 0 ? near : names;
  const todo = known.length === 0 ? "it has none for applications" : `there are ${someOf(known, MOST_SHOWN)}`;
  const why = `the agent's file has no rule ${visible(name)}`;
  throw new CommandError(EXIT.selection, "--application", why, todo);
}
