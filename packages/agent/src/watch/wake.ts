import { type BigIntStats, lstatSync } from "node:fs";
import { codeOf } from "../host/read.ts";
import type { Log } from "../session/session.ts";

/** Touched by the hooks of package managers, see deploy/package/files/wake.sh. Only its time counts: it is never opened. */
export const WAKE_FILE = "/run/afterpatch/wake";

/** The file as it is now: another text means that it was touched. What is not root's own file is not there. */
export function wakeOf(path: string, log: Log): () => string {
  let isSaid = false;
  return () => {
    const stat = statOf(path);
    if (!stat) return "none";
    if (isTrusted(stat)) return `${stat.ino} ${stat.mtimeNs}`;
    if (!isSaid) log.warn({ file: path }, "wake file ignored: it is not a plain file of root alone");
    isSaid = true;
    return "none";
  };
}

/** A second name elsewhere would let something else do the touching. An agent without root listens to its own user too. */
function isTrusted(stat: BigIntStats): boolean {
  return stat.isFile() && stat.nlink === 1n && [0n, BigInt(process.geteuid?.() ?? 0)].includes(stat.uid);
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    codeOf(error); // not ours to see
    return undefined;
  }
}
