import { visible } from "@afterpatch/core/text";
import { StepError } from "../error.ts";
import { systemctl } from "../run.ts";
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
  readonly hasJob: boolean;
  readonly needsDaemonReload: boolean;
  readonly refusal: "RefuseManualStart=yes" | "RefuseManualStop=yes" | null;
  /** Which of its processes are killed when it is stopped: `control-group`, `mixed`, `process`, `none`; "" where it is not told. */
  readonly killMode: string;
  readonly startLimit: { readonly burst: number; readonly intervalMs: number };
  /** When it was last started, milliseconds of CLOCK_MONOTONIC. */
  readonly startedAtMs: number;
  /** How long systemd may take to stop and start it. */
  readonly timeoutMs: number;
}

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
  "Job",
  "NeedDaemonReload",
  "RefuseManualStart",
  "RefuseManualStop",
  "KillMode",
  "StartLimitBurst",
  "StartLimitIntervalUSec",
  "TimeoutStartUSec",
  "TimeoutStopUSec",
];
const SHOW_TIMEOUT_MS = 30_000;
const LONGEST_RESTART_MS = 600_000;

/** A name that can only be a service: it reaches argv, but nothing else may hide in it. */
export function isServiceName(name: string): boolean {
  return name.length < 256 && /^[A-Za-z0-9:_.\\@-]+\.service$/.test(name) && !name.startsWith("-");
}

/** Throws StepError `unreadable` when systemd does not answer, `not-found` when it knows no such unit. */
export async function readUnit(unit: string): Promise<UnitState> {
  if (!isServiceName(unit)) throw new StepError("refused", `${visible(unit)} is not the name of a service unit`);
  const shown = await systemctl(["show", `--property=${PROPERTIES.join(",")}`, "--", unit], SHOW_TIMEOUT_MS);
  if (shown.status !== 0) {
    throw new StepError("unreadable", `systemd says nothing about ${unit}: ${visible(shown.complaint)}`);
  }
  const state = unitState(shown.stdout);
  if (state.loadState === "not-found") throw new StepError("not-found", `systemd knows no unit ${unit}`);
  return state;
}

/** Of the text of `systemctl show` for one unit. */
export function unitState(text: string): UnitState {
  const properties = new Map<string, string>();
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (equals > 0) properties.set(line.slice(0, equals), line.slice(equals + 1));
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
    hasJob: value("Job") !== "" && value("Job") !== "0",
    needsDaemonReload: value("NeedDaemonReload") === "yes",
    refusal:
      value("RefuseManualStop") === "yes"
        ? "RefuseManualStop=yes"
        : value("RefuseManualStart") === "yes"
          ? "RefuseManualStart=yes"
          : null,
    killMode: value("KillMode"),
    startLimit: { burst: count("StartLimitBurst") || 0, intervalMs: timespanMs(value("StartLimitIntervalUSec")) ?? 0 },
    startedAtMs: (count("InactiveExitTimestampMonotonic") || 0) / 1000,
    timeoutMs: Math.min(LONGEST_RESTART_MS, span("TimeoutStopUSec") + span("TimeoutStartUSec") + 10_000),
  };
}
