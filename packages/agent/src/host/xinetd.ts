import { readdirSync, statSync } from "node:fs";
import { inetdServices } from "@afterpatch/core/inetd/config";
import { type XinetdService, xinetdServices } from "@afterpatch/core/xinetd/config";
import type { XinetdFiles } from "@afterpatch/core/xinetd/entries";
import { superServer } from "@afterpatch/core/xinetd/match";
import type { ProcessTable } from "./processes.ts";
import { codeOf, readLink, readProc, readSmallFile, tryLink } from "./read.ts";

const SUPER_SERVERS = new Set(["xinetd", "inetd", "inetutils-inetd", "rlinetd"]);

/**
 * Services of every xinetd and inetd of this host, and of their usual configuration: sessions outlive the super-server
 * that began them.
 */
export function readXinetd({ stats }: Pick<ProcessTable, "stats">): readonly XinetdService[] {
  const running = [...stats].flatMap(([pid, { comm }]) => (SUPER_SERVERS.has(comm) ? (superServerOf(pid) ?? []) : []));
  const ofXinetd = running.filter(({ kind }) => kind === "xinetd");
  const paths = new Set([...ofXinetd.flatMap(({ path }) => path ?? []), "/etc/xinetd.conf"]);
  const services = readSmallFile("/etc/services") ?? "";
  const found = [...paths].flatMap((path) => xinetdServices(path, FILES, services));
  // Without a running xinetd that reads inetd.conf too, the file is inetd's.
  const isCompatible = ofXinetd.some(({ argv }) => argv.includes("-inetd_compat"));
  if (isCompatible) found.push(...inetdServices(readSmallFile("/etc/inetd.conf") ?? "", services, "xinetd"));
  const ofInetd = running.filter(({ kind }) => kind === "inetd");
  if (isCompatible && ofInetd.length === 0) return found;
  const files = new Set([...ofInetd.flatMap(({ path }) => path ?? []), ...inetdFiles()]);
  const inetd = [...files].flatMap((path) => inetdServices(readSmallFile(path) ?? "", services, "inetd"));
  // An orphan is told by its port alone, and the first match counts: what a removed xinetd has left in /etc comes last.
  return ofXinetd.length === 0 && ofInetd.length > 0 ? [...inetd, ...found] : [...found, ...inetd];
}

/** /etc/inetd.conf, and the folder that inetutils-inetd reads beside it. */
function inetdFiles(): readonly string[] {
  const names = FILES.names("/etc/inetd.d") ?? [];
  const entries = names.filter((name) => !name.startsWith(".") && !/~$|\.dpkg-/.test(name)).toSorted();
  return ["/etc/inetd.conf", ...entries.slice(0, 1024).map((name) => `/etc/inetd.d/${name}`)];
}

interface SuperServer {
  readonly kind: XinetdService["manager"];
  readonly argv: readonly string[];
  /** Another configuration file than the usual one. */
  readonly path: string | null;
}

/** A process that is a super-server and root's, not merely named so. */
function superServerOf(pid: number): SuperServer | null {
  const proc = `/proc/${pid}`;
  try {
    const isOurs = readLink(`${proc}/ns/pid`) === readLink("/proc/self/ns/pid");
    const kind = superServer((tryLink(`${proc}/exe`) ?? "").replace(/ \(deleted\)$/, ""));
    if (!isOurs || kind === null || !/^Uid:\t0\t0\t0\t/m.test(readProc(`${proc}/status`))) return null;
    const argv = readProc(`${proc}/cmdline`).split("\0").slice(1);
    const flag = argv.indexOf("-f");
    const path =
      kind === "xinetd" ? (flag < 0 ? undefined : argv[flag + 1]) : argv.findLast((word) => word.startsWith("/"));
    return { kind, argv, path: path?.startsWith("/") ? path : null };
  } catch (error) {
    codeOf(error); // it ended
    return null;
  }
}

const FILES: XinetdFiles = {
  text: (path) => readSmallFile(path),
  names: (path) => {
    try {
      return readdirSync(path).filter((name) => statSync(`${path}/${name}`, { throwIfNoEntry: false })?.isFile());
    } catch (error) {
      codeOf(error);
      return null;
    }
  },
};
