import { AGENT_UNIT } from "@afterpatch/core/plan/order";
import { visible } from "@afterpatch/core/text";
import type { Performed, PerformOptions } from "../../ports.ts";
import type { UnitEvidence } from "../evidence.ts";
import { obstacleSince } from "../obstacle.ts";
import { isExecutable } from "../programs.ts";
import { type Ran, systemctl } from "../run.ts";
import { endWaiting, servedAgain, superServerVeto } from "../super-server/order.ts";
import { type ReadServices, superServerAmong } from "../super-server/super-server.ts";
import { waitUntil } from "../wait.ts";
import { keepsProcesses } from "./now.ts";
import { pidsOfUnit } from "./ports.ts";
import { sshdComplaint, sshdOf } from "./sshd.ts";
import { startLimit } from "./start-limit.ts";
import { placeOfService, readUnit, type UnitState } from "./unit.ts";

const RELOAD_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
/** How long the agent waits for its own end after it has asked for it: that of its unit, and some more. */
const OWN_END_MS = 120_000;

/** `systemctl try-restart`: a unit that was stopped stays stopped. Exit status 0 proves nothing; the state is read again. */
export async function restartService(
  unit: string,
  before: UnitEvidence,
  options: PerformOptions,
  readServices: ReadServices,
): Promise<Performed> {
  const begunAt = performance.now();
  const { user, unit: name } = placeOfService(unit);
  if ((await readUnit(unit)).needsDaemonReload) {
    const reload = await systemctl(["daemon-reload"], RELOAD_TIMEOUT_MS, user);
    if (reload.status !== 0) {
      return { outcome: "failed", detail: `nothing was done: daemon-reload failed: ${visible(reload.complaint)}` };
    }
  }
  const state = await readUnit(unit);
  const pids = pidsOfUnit(unit);
  const superServer = superServerAmong(pids, pids);
  const hindrance =
    stopped(unit, state, before) ??
    (await vetoed(unit, state, before, superServer && superServerVeto(superServer, readServices)));
  if (hindrance) return hindrance;
  const late = await obstacleSince(begunAt, options.obstacle);
  if (late !== null) return { outcome: "vetoed", detail: `${unit} was not restarted: ${late}` };
  if (isOwnService(unit)) return restartOwnService(options.signal);
  const held = superServer && (await endWaiting(unit, superServer, readServices, options));
  if (held) return held;
  const restart = await systemctl(["try-restart", "--", name], state.timeoutMs, user);
  const after = await readUnit(unit);
  if (restart.status === null) {
    const detail = `${unit} was not restarted within ${state.timeoutMs} ms: ${described(unit, after)}`;
    return { outcome: "failed", detail };
  }
  if (restart.status === 0) {
    if (after.invocationId === before.invocationId) {
      return { outcome: "failed", detail: `${unit} was not restarted: it is still the same invocation` };
    }
    if (after.activeState === "active") {
      const restarted = { outcome: "done", detail: `${unit} restarted${anew(before, after)}` } as const;
      return superServer ? servedAgain(restarted, superServer, readServices, ...newOne(unit, after)) : restarted;
    }
  }
  if (after.result === "start-limit-hit") return afterStartLimit(unit);
  const why = restart.status === 0 ? "" : ` (systemctl exited ${restart.status}: ${visible(restart.complaint)})`;
  return { outcome: "failed", detail: `${described(unit, after)}${why}` };
}

type Invoked = Pick<UnitState, "invocationId" | "mainPid">;

/** What auditors are shown of it. A unit without processes of its own has no main one. */
function anew(before: Invoked, after: Invoked): string {
  const pids = after.mainPid > 0 ? `, main pid ${before.mainPid} to ${after.mainPid}` : "";
  return ` (InvocationID ${before.invocationId || "none"} to ${after.invocationId}${pids})`;
}

/** The super-server that a unit has now, and how it is told to read its configuration. */
function newOne(
  unit: string,
  { canReload, timeoutMs }: UnitState,
): [() => readonly number[], (() => Promise<Ran>) | null] {
  const { user, unit: name } = placeOfService(unit);
  const reload = () => systemctl(["reload", "--", name], timeoutMs, user);
  return [() => superServerAmong(pidsOfUnit(unit), [])?.pids ?? [], canReload ? reload : null];
}

/** A unit that does not run: it was stopped since it was planned, and stays so, or it failed by itself. */
function stopped(unit: string, state: UnitState, before: UnitEvidence): Performed | null {
  if (isUp(state.activeState)) return null;
  if (!isUp(before.activeState) || state.result === "success") {
    return { outcome: "skipped", detail: `${unit} is ${state.activeState}, and a stopped unit is not started` };
  }
  return { outcome: "failed", detail: `nothing was done: ${described(unit, state)}` };
}

function isUp(activeState: string): boolean {
  return activeState === "active" || activeState === "reloading";
}

/** Why the restart is not begun: each of these would cost more than it brings. */
async function vetoed(
  unit: string,
  state: UnitState,
  before: UnitEvidence,
  ofSuperServer: string | null,
): Promise<Performed | null> {
  const units = [{ unit, state }];
  for (const { unit: name } of before.along) units.push({ unit: name, state: await readUnit(name) });
  const why =
    (state.refusal ? `it refuses to be restarted by hand (${state.refusal})` : null) ??
    units.map((each) => endOfUs(each.unit, each.state)).find((reason) => reason !== null) ??
    ofSuperServer ??
    units.map((each) => missingProgram(each.unit, each.state)).find((reason) => reason !== null) ??
    (await sshdVeto(unit, state)) ??
    (await limits(units));
  return why === null ? null : { outcome: "vetoed", detail: `${unit} was not restarted: ${why}` };
}

/** A job of a build runner that restarts the runner: killed in the middle, it would find nothing out and report nothing. */
function endOfUs(unit: string, { killMode }: UnitState): string | null {
  if (keepsProcesses(killMode) || isOwnService(unit) || !pidsOfUnit(unit).includes(process.pid)) return null;
  return `${unit} runs this very command, which would be killed with it; run it from a login or another unit`;
}

/** For a unit of Type=simple systemctl would exit 0 all the same, and the service would be down. */
function missingProgram(unit: string, { programs }: UnitState): string | null {
  const missing = programs.find(({ path }) => path.startsWith("/") && !isExecutable(path));
  if (!missing) return null;
  return `${missing.property} of ${unit} is ${visible(missing.path)}, which is not there or not executable, and it would not start again`;
}

/** Of a service of the host alone: what a user's own service starts, and the files it names, are the user's choice. */
async function sshdVeto(unit: string, state: UnitState): Promise<string | null> {
  const sshd = placeOfService(unit).user === null ? sshdOf(state) : null;
  const complaint = sshd ? await sshdComplaint(sshd, state.environmentFiles) : null;
  return complaint === null ? null : `it would not start again: ${complaint}`;
}

async function limits(units: readonly { readonly unit: string; readonly state: UnitState }[]): Promise<string | null> {
  for (const { unit, state } of units) {
    const why = await startLimit(unit, state);
    if (why !== null) return why;
  }
  return null;
}

/** This very process is the agent's service, or is started by it. */
export function isOwnService(unit: string): boolean {
  return unit === AGENT_UNIT && pidsOfUnit(unit).includes(process.pid);
}

/**
 * Ends this process. What was done so far is in the journal, and so is the intent of this step: the next process of the
 * agent finds by the InvocationID that it happened, proves it and reports. Nothing is concluded here any more.
 */
async function restartOwnService(signal: AbortSignal): Promise<Performed> {
  const asked = await systemctl(["--no-block", "try-restart", "--", AGENT_UNIT], RELOAD_TIMEOUT_MS);
  if (asked.status === 0) await waitUntil(() => signal.aborted, OWN_END_MS, POLL_MS);
  signal.throwIfAborted();
  const why = asked.status === 0 ? `it was not stopped within ${OWN_END_MS} ms` : visible(asked.complaint);
  return { outcome: "failed", detail: `${AGENT_UNIT} was not restarted: ${why}` };
}

/** The restart stopped the unit and systemd refused to start it again: the counter is forgiven once, and people are told. */
async function afterStartLimit(unit: string): Promise<Performed> {
  const { user, unit: name } = placeOfService(unit);
  await systemctl(["reset-failed", "--", name], RELOAD_TIMEOUT_MS, user);
  const { timeoutMs } = await readUnit(unit);
  await systemctl(["start", "--", name], timeoutMs, user);
  const state = await readUnit(unit);
  const now = state.activeState === "active" ? "was started after reset-failed" : described(unit, state);
  return { outcome: "failed", detail: `${unit} hit its start limit and ${now}` };
}

/** `x.service is failed (failed, Result=exit-code, exit code 203)` */
export function described(unit: string, { activeState, subState, result, exit }: UnitState): string {
  const why = result === "" || result === "success" ? "" : `, Result=${result}`;
  const how = exit === null || activeState === "active" ? "" : `, ${exit}`;
  return `${unit} is ${activeState} (${subState}${why}${how})`;
}
