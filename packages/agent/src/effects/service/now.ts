import type { UnitEvidence, UnitThen } from "../evidence.ts";
import { type ProcessRef, processTable } from "../processes.ts";
import { listeningPorts, pidsOfUnit } from "./ports.ts";
import { readUnit, type UnitState, unitsAlong } from "./unit.ts";

/** Evidence goes to the journal: enough to see that a restart left somebody, without a megabyte for a fork bomb. */
const MOST_PROCESSES = 1000;

/** A unit before its restart, and the units that will be restarted along with it. */
export async function unitNow(unit: string): Promise<UnitEvidence> {
  const names = await unitsAlong(unit);
  const along = [];
  for (const name of names) along.push({ unit: name, ...unitThen(name, await readUnit(name)) });
  return { ...unitThen(unit, await readUnit(unit)), takenAt: Date.now(), along };
}

function unitThen(unit: string, { invocationId, activeState, subState, mainPid, killMode }: UnitState): UnitThen {
  const processes = processesOfUnit(unit);
  // What a restart leaves running keeps its ports; sshd's sessions among them, which listen for whoever forwards ports.
  const isLeft = (pid: number) => keepsProcesses(killMode) && mainPid > 0 && pid !== mainPid;
  const ports = listeningPorts(processes.map(({ pid }) => pid).filter((pid) => !isLeft(pid)));
  const noted = processes.toSorted((a, b) => Number(b.pid === mainPid) - Number(a.pid === mainPid));
  return { invocationId, activeState, subState, mainPid, killMode, processes: noted.slice(0, MOST_PROCESSES), ports };
}

/** A restart ends the main process alone, systemd.kill(5). */
export function keepsProcesses(killMode: string): boolean {
  return killMode === "process" || killMode === "none";
}

export function processesOfUnit(unit: string): readonly ProcessRef[] {
  const table = processTable();
  return pidsOfUnit(unit).flatMap((pid) => {
    const stat = table.get(pid);
    return stat && stat.state !== "Z" ? [{ pid, startTicks: stat.startTicks }] : [];
  });
}
