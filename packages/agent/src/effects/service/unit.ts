import { parseUnits, restartedAlong, UNIT_PROPERTIES, type UnitFacts } from "@afterpatch/core/systemd/show";
import { visible } from "@afterpatch/core/text";
import { type AsUser, asUser, userUnit } from "../../as-user.ts";
import { StepError } from "../error.ts";
import { systemctl } from "../run.ts";
import { userTime } from "../user-time.ts";
import { timespanMs } from "./timespan.ts";

/** What systemd says about one unit now. */
export interface UnitState {
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  /** Changes with every start. systemd before 232 has none: then main pid and its start stand for it. */
  readonly invocationId: string;
  /** Automatic restarts since the unit was last started by hand; null where systemd does not count them. */
  readonly nRestarts: number | null;
  readonly mainPid: number;
  readonly result: string;
  /** How its main process ended: `exit code 203`, `signal 9`; null while it runs or when it had none. */
  readonly exit: string | null;
  /** What a start executes, in order. Not known where the unit has a root or mounts of its own. */
  readonly programs: readonly Program[];
  readonly environmentFiles: readonly string[];
  readonly hasJob: boolean;
  readonly needsDaemonReload: boolean;
  readonly refusal: "RefuseManualStart=yes" | "RefuseManualStop=yes" | null;
  /** Which of its processes are killed when it is stopped: `control-group`, `mixed`, `process`, `none`; "" where it is not told. */
  readonly killMode: string;
  /** It can be told to read its configuration again. */
  readonly canReload: boolean;
  readonly startLimit: { readonly burst: number; readonly intervalMs: number };
  /** When it was last started, milliseconds of CLOCK_MONOTONIC. */
  readonly startedAtMs: number;
  /** How long systemd may take to stop and start it; of a user's unit no longer than is left to that user. */
  readonly timeoutMs: number;
}

/** A command of a unit file, its arguments as written there. */
export interface Program {
  readonly property: "ExecStartPre" | "ExecStart";
  readonly path: string;
  readonly args: readonly string[];
}

/** Paths of such a unit are not those of the host. */
const OWN_ROOT = [
  "RootDirectory",
  "RootImage",
  "BindPaths",
  "BindReadOnlyPaths",
  "MountImages",
  "ExtensionImages",
  "ExtensionDirectories",
] as const;

const PROPERTIES = [
  "LoadState",
  "ActiveState",
  "SubState",
  "InvocationID",
  "NRestarts",
  "MainPID",
  "ExecMainStartTimestampMonotonic",
  "InactiveExitTimestampMonotonic",
  "Result",
  "ExecMainCode",
  "ExecMainStatus",
  "ExecStartPre",
  "ExecStart",
  "EnvironmentFiles",
  ...OWN_ROOT,
  "Job",
  "NeedDaemonReload",
  "RefuseManualStart",
  "RefuseManualStop",
  "CanReload",
  "KillMode",
  "StartLimitBurst",
  "StartLimitIntervalUSec",
  "TimeoutStartUSec",
  "TimeoutStopUSec",
];
const SHOW_TIMEOUT_MS = 30_000;
const LONGEST_RESTART_MS = 600_000;

/** Deepest chain of units that restart one another along, for one that never ends. */
const MOST_LEVELS = 16;

/** A name that can only be a service, `x.service` or `user@1000.service/x.service`: nothing else may hide in it. */
export function isServiceName(name: string): boolean {
  return isUnitName(name, ".service");
}

function isTargetName(name: string): boolean {
  return isUnitName(name, ".target");
}

function isUnitName(name: string, suffix: string): boolean {
  const unit = userUnit(name)?.unit ?? name;
  return unit.length < 256 && /^[A-Za-z0-9:_.\\@-]+$/.test(unit) && !unit.startsWith("-") && unit.endsWith(suffix);
}

/** Whom to ask about a service, and what it is called there. */
export interface Place {
  readonly user: AsUser | null;
  readonly unit: string;
}

function placeOf(name: string): Place {
  const own = userUnit(name);
  if (own === null) return { user: null, unit: name };
  const user = asUser(own.uid);
  if (user === null) throw new StepError("not-found", `the user with uid ${own.uid} has no manager`);
  return { user, unit: own.unit };
}

/** The same of a service alone. */
export function placeOfService(name: string): Place {
  if (!isServiceName(name)) throw new StepError("refused", `${visible(name)} is not the name of a service unit`);
  return placeOf(name);
}

/** Throws StepError `unreadable` when systemd does not answer, `not-found` when it knows no such unit. */
export async function readUnit(name: string): Promise<UnitState> {
  placeOfService(name);
  const state = unitState(await show([name], PROPERTIES));
  if (state.loadState === "not-found") throw new StepError("not-found", `systemd knows no unit ${name}`);
  return { ...state, timeoutMs: Math.min(state.timeoutMs, userTime.leftFor(name)) };
}

/** Running services that a restart of `name` restarts too. */
export async function unitsAlong(name: string): Promise<readonly string[]> {
  const known = new Map<string, UnitFacts>();
  const { user } = placeOf(name);
  const whole = (unit: string) => (user === null ? unit : `user@${user.uid}.service/${unit}`);
  let next: readonly string[] = [name];
  for (let level = 0; next.length > 0 && level < MOST_LEVELS; level++) {
    for (const unit of parseUnits(await show(next, UNIT_PROPERTIES))) {
      known.set(whole(unit.id), { ...unit, restartsAlong: unit.restartsAlong?.map(whole) ?? [] });
    }
    // Targets hand a restart on, too.
    const all = [...known.values()].flatMap(({ restartsAlong }) => restartsAlong ?? []);
    next = [...new Set(all)].filter((unit) => !known.has(unit) && (isServiceName(unit) || isTargetName(unit)));
  }
  return restartedAlong(name, known);
}

async function show(names: readonly string[], properties: readonly string[]): Promise<string> {
  const places = names.map(placeOf);
  const units = places.map(({ unit }) => unit);
  const args = ["show", `--property=${properties.join(",")}`, "--", ...units];
  const shown = await systemctl(args, SHOW_TIMEOUT_MS, places[0]?.user ?? null);
  if (shown.status === 0) return shown.stdout;
  throw new StepError("unreadable", `systemd says nothing about ${names[0]}: ${visible(shown.complaint)}`);
}

/** Of the text of `systemctl show` for one unit. */
export function unitState(text: string): UnitState {
  const properties = new Map<string, string>();
  const programs: Program[] = [];
  const environmentFiles: string[] = [];
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (equals <= 0) continue;
    const [name, printed] = [line.slice(0, equals), line.slice(equals + 1)];
    properties.set(name, printed);
    // These may be there more than once.
    if (name === "ExecStart" || name === "ExecStartPre") programs.push(...programOf(name, printed));
    if (name === "EnvironmentFiles") environmentFiles.push(printed.replace(/ \(ignore_errors=(?:yes|no)\)$/, ""));
  }
  const value = (name: string) => properties.get(name) ?? "";
  const count = (name: string) => Number(properties.get(name) ?? Number.NaN);
  const span = (name: string) => timespanMs(value(name)) ?? LONGEST_RESTART_MS;
  const run = `${value("MainPID")}@${value("ExecMainStartTimestampMonotonic")}`;
  return {
    loadState: value("LoadState"),
    activeState: value("ActiveState"),
    subState: value("SubState"),
    invocationId: value("InvocationID") || run,
    nRestarts: properties.has("NRestarts") ? count("NRestarts") : null,
    mainPid: count("MainPID") || 0,
    result: value("Result"),
    exit: exitOf(value("ExecMainCode"), value("ExecMainStatus")),
    programs: OWN_ROOT.every((name) => value(name) === "") ? programs : [],
    environmentFiles,
    hasJob: value("Job") !== "" && value("Job") !== "0",
    needsDaemonReload: value("NeedDaemonReload") === "yes",
    refusal:
      value("RefuseManualStop") === "yes"
        ? "RefuseManualStop=yes"
        : value("RefuseManualStart") === "yes"
          ? "RefuseManualStart=yes"
          : null,
    canReload: value("CanReload") === "yes",
    killMode: value("KillMode"),
    startLimit: { burst: count("StartLimitBurst") || 0, intervalMs: timespanMs(value("StartLimitIntervalUSec")) ?? 0 },
    startedAtMs: (count("InactiveExitTimestampMonotonic") || 0) / 1000,
    timeoutMs: Math.min(LONGEST_RESTART_MS, span("TimeoutStopUSec") + span("TimeoutStartUSec") + 10_000),
  };
}

/** Of `{ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -D $SSHD_OPTS ; ignore_errors=no ; ...`. */
function programOf(property: Program["property"], printed: string): readonly Program[] {
  const [, path, argv = "", ignored] = /^\{ path=(.+?) ; argv\[\]=(.*?) ; ignore_errors=(yes|no) ;/.exec(printed) ?? [];
  if (path === undefined || ignored === "yes") return [];
  return [{ property, path, args: argv.split(" ").slice(1).filter(Boolean) }];
}

/** CLD_EXITED, CLD_KILLED and CLD_DUMPED of sigaction(2). */
function exitOf(code: string, status: string): string | null {
  if (code === "1") return `exit code ${status}`;
  return code === "2" || code === "3" ? `signal ${status}` : null;
}
