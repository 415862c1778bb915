import { setTimeout as sleep } from "node:timers/promises";
import { visible } from "@afterpatch/core/text";
import type { Performed } from "../../ports.ts";
import type { UnitEvidence } from "../evidence.ts";
import { isSuperServer } from "../session/end-session.ts";
import { listeningPorts, pidsOfUnit, portHolders, portsMissing } from "./ports.ts";
import { systemctl } from "../run.ts";
import { readUnit, type UnitState } from "./unit.ts";
import { waitUntil } from "../wait.ts";

const RELOAD_TIMEOUT_MS = 60_000;
const POLL_MS = 500;
/** Services may take this long after the settle time until they listen again. */
const LISTEN_TIMEOUT_MS = 20_000;
/** Longest wait for a start limit to pass. */
const LIMIT_WAIT_MS = 30_000;

export async function unitNow(unit: string): Promise<UnitEvidence> {
  const { invocationId, nRestarts, activeState, subState, mainPid } = await readUnit(unit);
  const pids = pidsOfUnit(unit);
  return {
    invocationId,
    nRestarts,
    activeState,
    subState,
    mainPid,
    processes: pids.length,
    ports: listeningPorts(pids),
  };
}

/** `systemctl try-restart`: a unit that was stopped stays stopped. Exit status 0 proves nothing; the state is read again. */
export async function restartService(unit: string, before: UnitEvidence): Promise<Performed> {
  const state = await readUnit(unit);
  if (state.refusal) return { outcome: "vetoed", detail: `${unit} refuses to be restarted by hand (${state.refusal})` };
  if (state.activeState !== "active" && state.activeState !== "reloading") {
    if (before.activeState !== "active" && before.activeState !== "reloading") {
      return { outcome: "skipped", detail: `${unit} is ${state.activeState}, and a stopped unit is not started` };
    }
    return { outcome: "failed", detail: `nothing was done: ${described(unit, state)}` };
  }
  if (wouldEndUs(unit, state)) {
    const detail = `${unit} runs this very command, which would be killed with it; run it from a login or another unit`;
    return { outcome: "vetoed", detail };
  }
  const held = heldPort(pidsOfUnit(unit));
  if (held !== null) return { outcome: "vetoed", detail: `${unit} was not restarted: ${held}` };
  const limit = await startLimit(unit, state);
  if (limit !== null) return { outcome: "failed", detail: limit };
  if (state.needsDaemonReload) {
    const reload = await systemctl(["daemon-reload"], RELOAD_TIMEOUT_MS);
    if (reload.status !== 0) {
      return { outcome: "failed", detail: `nothing was done: daemon-reload failed: ${visible(reload.complaint)}` };
    }
  }
  const restart = await systemctl(["try-restart", "--", unit], state.timeoutMs);
  const after = await readUnit(unit);
  if (restart.status === null) {
    return {
      outcome: "failed",
      detail: `${unit} was not restarted within ${state.timeoutMs} ms: ${described(unit, after)}`,
    };
  }
  if (restart.status === 0) {
    if (after.invocationId === before.invocationId) {
      return { outcome: "failed", detail: `${unit} was not restarted: it is still the same invocation` };
    }
    if (after.activeState === "active") return { outcome: "done", detail: `${unit} restarted` };
  }
  if (after.result === "start-limit-hit") return afterStartLimit(unit);
  const why = restart.status === 0 ? "" : ` (systemctl exited ${restart.status}: ${visible(restart.complaint)})`;
  return { outcome: "failed", detail: `${described(unit, after)}${why}` };
}

/** Waits for a job that outlived the process which asked for it: before it has ended nobody knows. */
export async function unitRestarted(unit: string, before: UnitEvidence): Promise<boolean> {
  const { timeoutMs } = await readUnit(unit);
  await waitUntil(async () => !isUnderWay(await readUnit(unit)), timeoutMs, POLL_MS);
  return (await readUnit(unit)).invocationId !== before.invocationId;
}

/** `seen`: the unit right after the restart, null when a crash lies between. Null, or what is wrong. */
export async function unitSettled(unit: string, before: UnitEvidence, seen: UnitState | null): Promise<string | null> {
  let state = await readUnit(unit);
  if (state.hasJob) {
    await waitUntil(async () => !isUnderWay(await readUnit(unit)), state.timeoutMs, POLL_MS);
    state = await readUnit(unit);
  }
  // A restart by hand sets the counter to 0, see service_enter_dead() and service_start() of systemd.
  if ((state.nRestarts ?? 0) > (seen?.nRestarts ?? 0)) {
    return `${described(unit, state)} and was restarted ${state.nRestarts} times by systemd since`;
  }
  if (state.activeState !== "active") return described(unit, state);
  if (state.invocationId === before.invocationId) return `${unit} is still the same invocation`;
  if (seen && state.invocationId !== seen.invocationId) return `${unit} was started once more since`;
  if (state.subState !== before.subState && before.subState !== "exited") return described(unit, state);
  const isListening = () => portsMissing(before.ports, listeningPorts(pidsOfUnit(unit))).length === 0;
  if (!(await waitUntil(isListening, LISTEN_TIMEOUT_MS, POLL_MS))) {
    return `${unit} does not listen on ${portsMissing(before.ports, listeningPorts(pidsOfUnit(unit))).join(", ")} any more`;
  }
  if (before.processes > 0 && pidsOfUnit(unit).length === 0) return `${unit} has no process any more`;
  return null;
}

/** A job of a build runner that restarts the runner: killed in the middle, it would find nothing out and report nothing. */
function wouldEndUs(unit: string, { killMode }: UnitState): boolean {
  return killMode !== "process" && killMode !== "none" && pidsOfUnit(unit).includes(process.pid);
}

/** Why the restart of a super-server would cost one of its services, or null. Other units have no super-server in them. */
function heldPort(pids: readonly number[]): string | null {
  const superServers = pids.filter(isSuperServer);
  const [holder] = portHolders(
    superServers,
    superServers.length === 0 ? [] : pids.filter((pid) => !superServers.includes(pid)),
  );
  if (!holder) return null;
  return `pid ${holder.pid} serves ${holder.port} for it (wait = yes), and while it lives that port would be lost; end it first`;
}

/** Restarts by hand count against the limit, and the one that exceeds it leaves the unit stopped. Null: go on. */
async function startLimit(
  unit: string,
  { startLimit: { burst, intervalMs }, startedAtMs }: UnitState,
): Promise<string | null> {
  if (burst === 0 || intervalMs === 0) return null;
  const left = startedAtMs + intervalMs - Number(process.hrtime.bigint() / 1_000_000n);
  if (left <= 0) return null;
  // How many starts were counted is not told: with the interval over it is none.
  if (left <= LIMIT_WAIT_MS) {
    await sleep(left + 100);
    return null;
  }
  if (burst > 1) return null;
  return `nothing was done: ${unit} may be started once in ${intervalMs} ms and would stay stopped for ${Math.round(left)} ms more`;
}

/** The restart stopped the unit and systemd refused to start it again: the counter is forgiven once, and people are told. */
async function afterStartLimit(unit: string): Promise<Performed> {
  await systemctl(["reset-failed", "--", unit], RELOAD_TIMEOUT_MS);
  const { timeoutMs } = await readUnit(unit);
  await systemctl(["start", "--", unit], timeoutMs);
  const state = await readUnit(unit);
  const now = state.activeState === "active" ? "was started after reset-failed" : described(unit, state);
  return { outcome: "failed", detail: `${unit} hit its start limit and ${now}` };
}

function isUnderWay({ hasJob, activeState, subState }: UnitState): boolean {
  return hasJob || activeState === "deactivating" || (activeState === "activating" && subState !== "auto-restart");
}

function described(unit: string, { activeState, subState, result }: UnitState): string {
  const why = result === "" || result === "success" ? "" : `, Result=${result}`;
  return `${unit} is ${activeState} (${subState}${why})`;
}
