import { readdirSync, statSync } from "node:fs";
import { type XinetdService, xinetdServices } from "@afterpatch/core/xinetd/config";
import type { XinetdFiles } from "@afterpatch/core/xinetd/entries";
import { isXinetd } from "@afterpatch/core/xinetd/match";
import type { ProcessTable } from "./processes.ts";
import { codeOf, readLink, readProc, readSmallFile, tryLink } from "./read.ts";

/** Services of every xinetd of this host, and of its usual configuration: sessions outlive the xinetd that began them. */
export function readXinetd({ stats }: Pick<ProcessTable, "stats">): readonly XinetdService[] {
  const running = [...stats].filter(([, { comm }]) => comm === "xinetd").flatMap(([pid]) => configurationOf(pid) ?? []);
  const paths = new Set([...running, "/etc/xinetd.conf"]);
  const services = readSmallFile("/etc/services") ?? "";
  return [...paths].flatMap((path) => xinetdServices(path, FILES, services));
}

/** `-f FILE` of a process that is xinetd and root's, not merely named so. */
function configurationOf(pid: number): string | null {
  const proc = `/proc/${pid}`;
  try {
    const isOurs = readLink(`${proc}/ns/pid`) === readLink("/proc/self/ns/pid");
    const program = (tryLink(`${proc}/exe`) ?? "").replace(/ \(deleted\)$/, "");
    if (!isOurs || !isXinetd(program) || !/^Uid:\t0\t0\t0\t/m.test(readProc(`${proc}/status`))) return null;
    const argv = readProc(`${proc}/cmdline`).split("\0");
    const flag = argv.indexOf("-f");
    const path = flag < 0 ? undefined : argv[flag + 1];
    return path?.startsWith("/") ? path : null;
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
