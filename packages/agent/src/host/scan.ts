import { createHash } from "node:crypto";
import type { HostFacts, ProcessFacts } from "@afterpatch/core/facts";
import { scanOf } from "@afterpatch/core/findings";
import type { Scan } from "@afterpatch/core/scan";
import { textOfBytes } from "@afterpatch/core/text";
import { cgroupOf, type Details, readDetails, type Surroundings, toProcessFacts } from "./details.ts";
import { differingFiles } from "./differences.ts";
import { type ProcessTable, readProcesses, type Task } from "./processes.ts";
import { readProc, readSmallFile, tryLink } from "./read.ts";
import { socketsOf } from "./sockets.ts";
import { isSystemd, readUnits } from "./units.ts";
import { readXinetd } from "./xinetd.ts";

export interface ScanOptions {
  /** Enrolled identity, null before enrolment. */
  readonly hostId: string | null;
  readonly name: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** List mapped files whose successor has the same content, too. */
  readonly all?: boolean;
}

/** What runs old code on this host. Reads only. Without root it says what it could not see. */
export function scanHost(options: ScanOptions): Scan {
  return scanOf(readHost(options), sha256, { all: options.all ?? false });
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Everything first, judged by nobody yet. */
export function readHost({ hostId, name, now }: ScanOptions): HostFacts {
  const startedAt = now();
  const table = readProcesses();
  const { files, holders } = differingFiles(table, bootTime(now));
  const systemd = isSystemd();
  const initCgroup = systemd ? cgroupOf("/proc/1") : null;
  const { running, vanished } = readRunning(holders, table, now);
  const units = systemd ? readUnits(running.facts, initCgroup) : { units: null, unitsUnreadable: null };
  return {
    host: {
      id: hostId,
      name,
      bootId: line("/proc/sys/kernel/random/boot_id"),
      os: readOs(),
      kernel: line("/proc/sys/kernel/osrelease"),
    },
    startedAt,
    elapsedMs: Math.max(0, now() - startedAt),
    pidNamespace: tryLink("/proc/self/ns/pid"),
    systemd,
    initCgroup,
    processes: {
      seen: table.seen,
      scanned: table.scanned - vanished,
      vanished: table.vanished + vanished,
      unreadable: table.unreadable.length,
    },
    unreadable: table.unreadable,
    files,
    running: running.facts,
    ...units,
    xinetd: running.xinetd,
  };
}

function readRunning(holders: ReadonlyMap<Task, readonly number[]>, table: ProcessTable, now: () => number) {
  const xinetd = holders.size > 0 ? readXinetd(table) : [];
  const around: Surroundings = {
    bootedAt: bootTime(now),
    users: readUsers(),
    withSockets: xinetd.length > 0,
  };
  const details = new Map<number, Details>();
  const mapped = new Map<number, readonly number[]>();
  let vanished = 0;
  for (const [{ pid, proc, stat }, files] of holders) {
    const read = readDetails(pid, proc, stat.startTicks, around);
    if (read) {
      details.set(pid, read);
      mapped.set(pid, files);
    } else vanished += 1;
  }
  if (around.withSockets) addRelatives(details, around);
  const sockets = socketsOf([...details.values()]);
  const facts: readonly ProcessFacts[] = [...details.values()]
    .sort((a, b) => a.pid - b.pid)
    .map((process) => toProcessFacts(process, mapped.get(process.pid) ?? [], sockets.get(process.pid) ?? []));
  return { running: { facts, xinetd }, vanished };
}

/** Epoch milliseconds at which the machine started, by the current clock: btime of /proc/stat would move with its steps. */
function bootTime(now: () => number): number {
  return now() - Number.parseFloat(readProc("/proc/uptime")) * 1000;
}

/** Ancestors and session leaders: a session's children are told by them. */
function addRelatives(details: Map<number, Details>, around: Surroundings): void {
  const asked = new Set(details.keys());
  const waiting = [...details.values()];
  for (let process = waiting.pop(); process; process = waiting.pop()) {
    for (const pid of [process.ppid, process.sid]) {
      if (pid <= 0 || asked.has(pid)) continue;
      asked.add(pid);
      const relative = readDetails(pid, `/proc/${pid}`, null, around);
      if (!relative) continue;
      details.set(pid, relative);
      waiting.push(relative);
    }
  }
}

function readUsers(): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const entry of (readSmallFile("/etc/passwd", 16 * 1024 * 1024) ?? "").split("\n")) {
    const [name, , uid] = entry.split(":");
    if (name && uid !== undefined && !users.has(uid)) users.set(uid, textOfBytes(name));
  }
  return users;
}

/** `ID VERSION_ID` of os-release(5), `linux` where there is none. */
function readOs(): string {
  const text = readSmallFile("/etc/os-release") ?? readSmallFile("/usr/lib/os-release") ?? "";
  const value = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]*)`, "m").exec(text)?.[1];
  return [value("ID") || "linux", value("VERSION_ID")].filter(Boolean).join(" ");
}

function line(path: string): string {
  return readProc(path).trim();
}
