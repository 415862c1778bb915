import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { isRemote, mountOf, parseMountinfo } from "@afterpatch/core/proc/mountinfo";

/**
 * The program that `path` leads to, if root alone can have put it there: neither the file nor a folder on the way to it
 * belongs to anybody else or may be written by others. Null otherwise, and where there is none: to execute it as root
 * would be to do what somebody else wants.
 */
export function programOfRoot(path: string): string | null {
  try {
    const program = realpathSync(path);
    if (!statSync(program).isFile()) return null;
    for (let place = program; ; place = dirname(place)) {
      const { uid, gid, mode } = statSync(place);
      if (uid !== 0 || (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0)) return null;
      if (place === dirname(place)) return program;
    }
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}

/**
 * Whether a program is there. On a file system that may keep its caller waiting for ever nobody looks: it is taken to be
 * there.
 */
export function isExecutable(path: string): boolean {
  try {
    const mount = mountOf(path, parseMountinfo(readFileSync("/proc/self/mountinfo", "latin1")));
    if (mount && isRemote(mount.type)) return true;
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
