import { createHash } from "node:crypto";
import type { FileFacts, HostFacts, ProcessFacts } from "@afterpatch/core/facts";
import { scanOf } from "@afterpatch/core/findings";
import type { KernelFacts } from "@afterpatch/core/kernel/facts";
import { kernelUpgrade } from "@afterpatch/core/kernel/findings";
import type { Scan } from "@afterpatch/core/scan";
import { textOfBytes } from "@afterpatch/core/text";
import { type ContainersRead, readContainers } from "./containers/containers.ts";
import { askEngines, type EnginesAsked } from "./containers/engines.ts";
import { cgroupOf, type Details, readDetails, type Surroundings, toProcessFacts } from "./details.ts";
import { differingIn } from "./differing.ts";
import { fixesOf } from "./packages/changelogs.ts";
import { withPackages } from "./packages/packages.ts";
import { type Databases, HOST_DATABASES, remoteNote } from "./packages/ask.ts";
import { givenUpIn } from "./packages/unfinished.ts";
import { readKernel } from "./kernel/kernel.ts";
import { type ProcessTable, readProcesses, type Task } from "./processes.ts";
import { readProc, readSmallFile, tryLink } from "./read.ts";
import { socketsOf } from "./sockets.ts";
import { keepStates, loadStates, statesBeside } from "./states.ts";
import { readSysv } from "./sysv.ts";
import { isOpenrc, readSupervised } from "../supervised/read.ts";
import { isSystemd, readUnits } from "./units.ts";
import { readXinetd } from "./xinetd.ts";

export interface ScanOptions {
  /** Enrolled identity, null before enrolment. */
  readonly hostId: string | null;
  readonly name: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** File of the inventory; null or absent: none is kept. */
  readonly inventory?: string | null;
  /** Where the package databases are, if not in their usual places. */
  readonly databases?: Databases;
  /** What engines of containers said. Null or absent: none was asked, and Docker's containers are not known. */
  readonly engines?: EnginesAsked | null;
  /** List mapped files whose successor has the same content, too. */
  readonly all?: boolean;
}

/** What runs old code on this host. Reads only. Without root it says what it could not see. */
export function scanHost(options: ScanOptions): Scan {
  return scanOf(readHost(options), sha256, { all: options.all ?? false });
}

/** The same, with what the engines of containers say: they are asked before the scan, which waits for nobody. */
export async function scanWithEngines(options: Omit<ScanOptions, "engines">): Promise<Scan> {
  return scanHost({ ...options, engines: await askEngines() });
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Everything first, judged by nobody yet. */
export function readHost(options: ScanOptions): HostFacts {
  const { hostId, name, now, inventory = null, databases = HOST_DATABASES, engines = null } = options;
  const startedAt = now();
  const table = readProcesses();
  const bootedAt = bootTime(now);
  const bootId = line("/proc/sys/kernel/random/boot_id");
  const states = inventory === null ? null : loadStates(statesBeside(inventory), { bootId, bootedAt });
  const differing = differingIn(table, { bootedAt, now: startedAt, states });
  const systemd = isSystemd();
  const initCgroup = systemd ? cgroupOf("/proc/1") : null;
  const named = withPackages(table, differing, { inventory, databases, now: startedAt, bootedAt });
  const { files, holders } = differing.settle(named.files);
  const containers = readContainers(table, engines);
  const { running, vanished } = readRunning(withImages(holders, files, containers), table, { now, systemd });
  const units = systemd ? readUnits(running.facts, initCgroup) : { units: null, unitsUnreadable: null };
  const kept = inventory === null || states === null ? [] : keepStates(statesBeside(inventory), states, startedAt);
  return {
    host: {
      id: hostId,
      name,
      bootId,
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
    files: [...files, ...containers.images.map(({ file }) => file)],
    running: running.facts,
    ...units,
    xinetd: running.xinetd,
    kernel: kernelWithFixes(databases),
    sysv: running.sysv,
    ...(running.supervised.length === 0 ? {} : { supervised: running.supervised }),
    ...(!systemd && isOpenrc() ? { openrc: true } : {}),
    ...(containers.names.length === 0 ? {} : { containers: containers.names }),
    notes: [
      ...new Set([
        ...named.notes,
        ...containers.notes,
        ...givenUp(databases.dpkg, startedAt),
        ...kept,
        ...differing.notes,
      ]),
    ],
  };
}

/** The kernel, and what a start of the expected one would bring. */
function kernelWithFixes(databases: Databases): KernelFacts {
  const kernel = readKernel();
  const upgrade = kernelUpgrade(kernel, line("/proc/sys/kernel/osrelease"));
  const cves = upgrade && fixesOf(databases)(upgrade);
  return cves === null ? kernel : { ...kernel, cves };
}

/** With the images of containers, which come after all files. */
function withImages(
  holders: ReadonlyMap<Task, readonly number[]>,
  files: readonly FileFacts[],
  { images }: ContainersRead,
): ReadonlyMap<Task, readonly number[]> {
  if (images.length === 0) return holders;
  const all = new Map(holders);
  for (const [index, { task }] of images.entries()) all.set(task, [...(all.get(task) ?? []), files.length + index]);
  return all;
}

/** Packages that nobody brings to an end any more. A status that cannot be read is told where packages are named, and holds off whoever would act. */
function givenUp(dpkg: string, now: number): readonly string[] {
  try {
    return remoteNote(dpkg) === null ? givenUpIn(dpkg, now) : [];
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    return [];
  }
}

function readRunning(
  holders: ReadonlyMap<Task, readonly number[]>,
  table: ProcessTable,
  { now, systemd }: { readonly now: () => number; readonly systemd: boolean },
) {
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
  const pidNamespace = tryLink("/proc/self/ns/pid");
  // Whom to ask for an owner: sessions and SysV services are told by their ancestors, containers by who holds them.
  const supervised = holders.size > 0 ? readSupervised(table.stats) : [];
  const isLineNeeded = (process: Details) =>
    around.withSockets ||
    supervised.length > 0 ||
    !systemd ||
    (process.pidNamespace !== null && process.pidNamespace !== pidNamespace);
  addRelatives(details, [...details.values()].filter(isLineNeeded), around);
  const executables = [...new Set([...details.values()].map(({ executable }) => executable))];
  const sysv = !systemd && holders.size > 0 ? readSysv(executables, table) : [];
  const sockets = socketsOf([...details.values()]);
  const facts: readonly ProcessFacts[] = [...details.values()]
    .sort((a, b) => a.pid - b.pid)
    .map((process) => toProcessFacts(process, mapped.get(process.pid) ?? [], sockets.get(process.pid) ?? []));
  return {
    running: { facts, xinetd, sysv, supervised: supervised.map(({ place: _place, ...service }) => service) },
    vanished,
  };
}

/** Epoch milliseconds at which the machine started, by the current clock: btime of /proc/stat would move with its steps. */
function bootTime(now: () => number): number {
  return now() - Number.parseFloat(readProc("/proc/uptime")) * 1000;
}

/** Ancestors and session leaders: a session's children are told by them. */
function addRelatives(details: Map<number, Details>, from: readonly Details[], around: Surroundings): void {
  const asked = new Set(details.keys());
  const waiting = [...from];
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
