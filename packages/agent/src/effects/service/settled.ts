import type { UnitEvidence, UnitThen } from "../evidence.ts";
import { isRunning } from "../processes.ts";
import { userTime } from "../user-time.ts";
import { waitUntil } from "../wait.ts";
import { keepsProcesses, processesOfUnit } from "./now.ts";
import { listeningPorts, portsMissing } from "./ports.ts";
import { described, isOwnService } from "./restart-service.ts";
import { portsWithoutBanner, sshdOf } from "./sshd.ts";
import { readUnit, type UnitState } from "./unit.ts";

const POLL_MS = 500;
/** Services may take this long after the settle time until they listen again. */
const LISTEN_TIMEOUT_MS = 20_000;

/** Waits for a job that outlived the process which asked for it: before it has ended nobody knows. */
export async function unitRestarted(unit: string, before: UnitEvidence): Promise<boolean> {
  const { invocationId, activeState, result } = await atRest(unit);
  // A unit that was stopped in order has no invocation at all, and nobody has started it since.
  return invocationId !== before.invocationId && !(activeState === "inactive" && result === "success");
}

/**
 * Proof of a restart, of the unit itself and of those that systemd restarted along with it. `seen`: the unit right after
 * the restart, null when a crash lies between. Null, or what is wrong.
 */
export async function unitSettled(unit: string, before: UnitEvidence, seen: UnitState | null): Promise<string | null> {
  const state = await atRest(unit);
  if (state.activeState === "active") {
    if (state.invocationId === before.invocationId) return `${unit} is still the same invocation`;
    if (seen && state.invocationId !== seen.invocationId && (state.nRestarts ?? 0) === 0)
      return `${unit} was started once more since`;
  }
  const wrong = await unitWrong(unit, before, state);
  if (wrong !== null) return wrong;
  for (const other of before.along) {
    if (other.activeState !== "active") continue;
    const why = await unitWrong(other.unit, other, await atRest(other.unit));
    if (why !== null) return `${why}; it was restarted along with ${unit}`;
  }
  return null;
}

async function unitWrong(unit: string, before: UnitThen, state: UnitState): Promise<string | null> {
  // A restart by hand sets the counter to 0, see service_enter_dead() and service_start() of systemd.
  const again = state.nRestarts === null || state.nRestarts === 0 ? 0 : state.nRestarts;
  // The agent itself may have been killed in the middle and started again: it runs, or nobody would ask.
  if (again > 0 && !isOwnService(unit)) {
    const times = again === 1 ? "once" : `${again} times`;
    return `${described(unit, state)} and was started again by systemd ${times} since`;
  }
  if (state.activeState !== "active") return described(unit, state);
  // A service may have been caught while it reloaded; one that had ended its work (RemainAfterExit) may be as it was.
  if (state.subState !== "running" && state.subState !== before.subState) return described(unit, state);
  return leftOver(unit, before, state) ?? (await unreachable(unit, before, state));
}

/** Nobody of before may be left but whom a restart leaves by the unit's own KillMode; and somebody new must be there. */
function leftOver(unit: string, before: UnitThen, state: UnitState): string | null {
  if (state.invocationId === before.invocationId) return null; // along, and not restarted after all
  const now = new Set(processesOfUnit(unit).map(({ pid }) => pid));
  const old = before.processes.filter((process) => now.has(process.pid) && isRunning(process));
  const ended = keepsProcesses(before.killMode) ? old.filter(({ pid }) => pid === before.mainPid) : old;
  if (ended.length > 0) {
    const pids = ended.map(({ pid }) => pid).join(", ");
    return `pid ${pids} of ${unit}, from before the restart, still ${ended.length === 1 ? "runs" : "run"}`;
  }
  if (before.processes.length > 0 && now.size === old.length && state.subState === "running") {
    return `${unit} has no process of its own any more`;
  }
  return null;
}

async function unreachable(unit: string, before: UnitThen, state: UnitState): Promise<string | null> {
  const isOld = (pid: number) => before.processes.some((process) => process.pid === pid && isRunning(process));
  const isRestarted = state.invocationId !== before.invocationId;
  const pids = () =>
    processesOfUnit(unit)
      .map(({ pid }) => pid)
      .filter((pid) => !isRestarted || !isOld(pid));
  const missing = () => portsMissing(before.ports, listeningPorts(pids()));
  if (!(await waitUntil(() => missing().length === 0, Math.min(LISTEN_TIMEOUT_MS, userTime.leftFor(unit)), POLL_MS))) {
    return `${unit} does not listen on ${missing().join(", ")} any more`;
  }
  if (!sshdOf(state)) return null;
  const silent = await portsWithoutBanner(pids());
  // Whether it was so before does not count: an old sshd whose libraries were replaced fails at each login, too.
  return silent.length === 0 ? null : `${unit} listens on tcp ${silent.join(", ")}, but no SSH server answers there`;
}

/** The unit, once no job of it is under way. */
async function atRest(unit: string): Promise<UnitState> {
  const { timeoutMs } = await readUnit(unit);
  await waitUntil(async () => !isUnderWay(await readUnit(unit)), timeoutMs, POLL_MS);
  return readUnit(unit);
}

function isUnderWay({ hasJob, activeState, subState }: UnitState): boolean {
  return hasJob || activeState === "deactivating" || (activeState === "activating" && subState !== "auto-restart");
}
