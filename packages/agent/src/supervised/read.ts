import { lstatSync, readdirSync, statSync } from "node:fs";
import type { ProcessStat } from "@afterpatch/core/proc/stat";
import type { SupervisedService } from "@afterpatch/core/supervised/owner";
import { textOfBytes } from "@afterpatch/core/text";
import { codeOf, pathOf, readProc, readSmallFile, tryLink } from "../host/read.ts";

// Services that runit, s6 and supervisord keep. Only supervisors of root's in this PID namespace count: what another user's
// is told would be done in a folder of theirs.

/** One of them, and where its supervisor is reached. */
export interface SupervisedHere extends SupervisedService {
  /** The service directory, or the configuration file of supervisord. */
  readonly place: string;
}

type Stats = ReadonlyMap<number, Pick<ProcessStat, "comm" | "ppid" | "startTicks">>;

/** By the supervisors' own processes, folders and children. Reads, and starts nothing. */
export function readSupervised(stats: Stats): readonly SupervisedHere[] {
  const found: SupervisedHere[] = [];
  const namespace = tryLink("/proc/self/ns/pid");
  for (const [pid, { comm }] of stats) {
    const read = READERS[comm];
    if (read === undefined || !isRoots(pid, namespace)) continue;
    try {
      found.push(...read(pid, childrenOf(pid, stats)));
    } catch (error) {
      codeOf(error); // it ended
    }
  }
  return withUniqueNames(found);
}

type Read = (pid: number, children: readonly number[]) => readonly SupervisedHere[];

/** runsv(8): the service directory is its working directory, with the pids of service and logger in files. */
const readRunit: Read = (supervisor, children) => {
  const folder = serviceFolder(supervisor);
  if (folder === null) return [];
  return ["", "/log"].flatMap((part) => {
    const pid = Number.parseInt(readSmallFile(`${folder}${part}/supervise/pid`, 64) ?? "", 10);
    if (!children.includes(pid)) return [];
    return [{ manager: "runit", name: nameOf(folder + part), pid, supervisor, place: folder + part }];
  });
};

/** s6-supervise(8): one for the service and one for its logger, each with one child. */
const readS6: Read = (supervisor, children) => {
  const folder = serviceFolder(supervisor);
  const [pid] = children;
  if (folder === null || pid === undefined) return [];
  return [{ manager: "s6", name: nameOf(folder), pid, supervisor, place: folder }];
};

/** supervisord(1) tells each child its names in its environment; supervisord.org/subprocess.html. */
const readSupervisord: Read = (supervisor, children) => {
  const place = configurationOf(supervisor);
  if (place === null) return [];
  return children.flatMap((pid) => {
    const name = nameInEnvironment(pid);
    return name === null ? [] : [{ manager: "supervisord", name, pid, supervisor, place }];
  });
};

const READERS: Readonly<Record<string, Read>> = Object.assign(Object.create(null), {
  runsv: readRunit,
  "s6-supervise": readS6,
  supervisord: readSupervisord,
});

function isRoots(pid: number, namespace: string | null): boolean {
  try {
    return /^Uid:\t0\t0\t/m.test(readProc(`/proc/${pid}/status`)) && tryLink(`/proc/${pid}/ns/pid`) === namespace;
  } catch (error) {
    codeOf(error);
    return false;
  }
}

function childrenOf(pid: number, stats: Stats): readonly number[] {
  return [...stats]
    .filter(([, { ppid }]) => ppid === pid)
    .sort(([, a], [, b]) => a.startTicks - b.startTicks)
    .map(([child]) => child);
}

/** Null: it is gone, or others than root may write there. */
function serviceFolder(supervisor: number): string | null {
  const folder = tryLink(`/proc/${supervisor}/cwd`);
  return folder?.startsWith("/") && isOfRoot(folder) ? folder : null;
}

function isOfRoot(path: string): boolean {
  const stat = statSync(pathOf(path), { throwIfNoEntry: false });
  return stat !== undefined && stat.uid === 0 && (stat.mode & 0o002) === 0;
}

/** `web` of /etc/sv/web, `web/log` of its logger. */
function nameOf(folder: string): string {
  const [last = "", above = ""] = folder.split("/").reverse();
  return textOfBytes(last === "log" && above !== "" ? `${above}/log` : last);
}

/** Where supervisord looks when it is not told, supervisord.org/configuration.html; what is below its folder is not believed. */
const CONFIGURATIONS = ["/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"];

function configurationOf(supervisor: number): string | null {
  const words = readProc(`/proc/${supervisor}/cmdline`).split("\0");
  const at = words.findIndex((word) => word === "-c" || word === "--configuration");
  const joined = words
    .map((word) => /^(?:--configuration=|-c)(\/.*)$/.exec(word)?.[1])
    .find((path) => path !== undefined);
  const given = at >= 0 ? words[at + 1] : joined;
  const path = given ?? CONFIGURATIONS.find((one) => lstatSync(one, { throwIfNoEntry: false }) !== undefined);
  return path?.startsWith("/") && isOfRoot(path) ? path : null;
}

function nameInEnvironment(pid: number): string | null {
  try {
    const variables = readProc(`/proc/${pid}/environ`).split("\0");
    const value = (name: string) =>
      variables.find((one) => one.startsWith(`SUPERVISOR_${name}=`))?.slice(`SUPERVISOR_${name}=`.length);
    const [group, process] = [value("GROUP_NAME"), value("PROCESS_NAME")];
    if (!group || !process || !/^[^\s:[\]/*-][^\s:[\]/*]*$/.test(group + process)) return null;
    return textOfBytes(group === process ? process : `${group}:${process}`);
  } catch (error) {
    codeOf(error); // it ended, or wrote over it
    return null;
  }
}

/** Two that are called the same are told apart by where they are. */
function withUniqueNames(services: readonly SupervisedHere[]): readonly SupervisedHere[] {
  const counts = new Map<string, number>();
  const key = ({ manager, name }: SupervisedHere) => `${manager}:${name}`;
  for (const service of services) counts.set(key(service), (counts.get(key(service)) ?? 0) + 1);
  return services.map((service) => {
    if (counts.get(key(service)) === 1) return service;
    const whole = textOfBytes(service.place);
    return { ...service, name: service.manager === "supervisord" ? `${service.name} (${whole})` : whole };
  });
}

/** Whether OpenRC keeps the services of this host: rc(8) has its state there while it runs. */
export function isOpenrc(): boolean {
  try {
    return readdirSync("/run/openrc").includes("softlevel");
  } catch (error) {
    codeOf(error);
    return false;
  }
}
