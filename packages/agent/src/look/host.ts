import type { HostFacts, ProcessFacts } from "@afterpatch/core/facts";
import { textOfBytes } from "@afterpatch/core/text";
import { type Details, readDetails, toProcessFacts } from "../host/details.ts";
import { type ProcessTable, readProcesses } from "../host/processes.ts";
import { readProc, readSmallFile } from "../host/read.ts";
import { readHost, type ScanOptions } from "../host/scan.ts";
import { type Interpreted, interpretedIn } from "../host/interpreted/interpreted.ts";
import { socketsOf } from "../host/sockets.ts";
import { readSysv } from "../host/sysv.ts";
import { readSupervised } from "../supervised/read.ts";
import { readUnits } from "../host/units.ts";
import { readXinetd } from "../host/xinetd.ts";

/** A host with every process in its facts, not only those that a scan has to judge, and what they have mapped. */
export interface Look {
  readonly facts: HostFacts;
  readonly table: ProcessTable;
  /** What interpreters run, and of which files it consists. */
  readonly interpreted: readonly Interpreted[];
}

/** Reads only. What a scan finds is in these facts as it is in those of the scan. */
export function lookAtHost(options: ScanOptions): Look {
  const facts = readHost(options);
  const table = readProcesses();
  const running = allProcesses(facts, table, options.now);
  const units = facts.systemd
    ? readUnits(running, facts.initCgroup)
    : { units: facts.units, unitsUnreadable: facts.unitsUnreadable };
  const executables = [...new Set(running.map(({ executable }) => executable))];
  const sysv = facts.systemd ? facts.sysv : readSysv(executables, table);
  const supervised = readSupervised(table.stats).map(({ place: _place, ...service }) => service);
  const withSupervised = supervised.length > 0 ? { supervised } : {};
  return {
    facts: { ...facts, ...units, running, sysv, xinetd: readXinetd(table), ...withSupervised },
    table,
    interpreted: interpretedIn(table),
  };
}

function allProcesses(facts: HostFacts, { places }: ProcessTable, now: () => number): readonly ProcessFacts[] {
  const known = new Map(facts.running.map((process) => [process.pid, process]));
  const around = {
    bootedAt: now() - Number.parseFloat(readProc("/proc/uptime")) * 1000,
    users: userNames(),
    withSockets: true,
  };
  const details: Details[] = [];
  for (const { tasks } of places) {
    for (const { pid, proc, stat } of tasks) details.push(...orNone(readDetails(pid, proc, stat.startTicks, around)));
  }
  const sockets = socketsOf(details);
  // A process that the scan met and that is gone by now keeps what was read of it.
  const living = details.map((process) => {
    const files = known.get(process.pid)?.startTicks === process.startTicks ? known.get(process.pid)?.files : [];
    return toProcessFacts(process, files ?? [], sockets.get(process.pid) ?? []);
  });
  const seen = new Set(living.map(({ pid }) => pid));
  return [...living, ...facts.running.filter(({ pid }) => !seen.has(pid))].sort((a, b) => a.pid - b.pid);
}

function orNone<T>(value: T | null): readonly T[] {
  return value === null ? [] : [value];
}

/** User names by number, passwd(5). */
function userNames(): ReadonlyMap<string, string> {
  const entries = (readSmallFile("/etc/passwd", 16 * 1024 * 1024) ?? "").split("\n").map((line) => line.split(":"));
  // The first entry of a number counts.
  return new Map(entries.reverse().flatMap(([name, , uid]) => (name && uid ? [[uid, textOfBytes(name)]] : [])));
}
