import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { visible } from "@afterpatch/core/text";
import { packageManager } from "../effects/package-lock.ts";
import { unfinishedIn } from "../host/packages/unfinished.ts";

/** Where package managers leave their marks, so that tests have their own. */
export interface Marks {
  /** Directory with `status` and `updates/`. */
  readonly dpkg: string;
  /** Files that hold the number of a process, and what that process is called. */
  readonly pidFiles: readonly (readonly [path: string, names: RegExp])[];
  /** Files that are there as long as a transaction is. */
  readonly present: readonly string[];
  /** Files that are locked as long as a transaction is, beside those of `Machine.busy`. */
  readonly locks: readonly string[];
}

export const MARKS: Marks = {
  dpkg: "/var/lib/dpkg",
  pidFiles: [
    ["/run/yum.pid", /^(?:yum|dnf|python)/],
    ["/run/dnf.pid", /^(?:yum|dnf|python)/],
    ["/var/cache/dnf/metadata_lock.pid", /^(?:yum|dnf|python)/],
    ["/var/lib/dnf/rpmdb_lock.pid", /^(?:yum|dnf|python)/],
    ["/run/zypp.pid", /^(?:zypper|y2|packagekitd|YaST)/i],
  ],
  present: ["/var/lib/pacman/db.lck"],
  locks: ["/run/unattended-upgrades.lock", "/usr/lib/apk/db/lock"],
};

/**
 * Who is changing packages, or which are half changed and may yet be brought to an end; null: none. One that was given up
 * holds nothing off: the scan notes it. `now`: epoch milliseconds, as files are dated by. Throws StepError and errors with a code.
 */
export function transaction(now: number, marks: Marks = MARKS): string | null {
  return (
    runningManager(marks) ??
    packageManager(marks.locks) ??
    dpkgUpdates(marks.dpkg) ??
    unfinishedIn(marks.dpkg, now).holdsOff
  );
}

/** dpkg writes each change of a package's state here first, and merges them into `status` at the end. */
function dpkgUpdates(directory: string): string | null {
  const pending = orEmpty(() => readdirSync(join(directory, "updates")), []).filter((name) => /^[0-9]+$/.test(name));
  if (pending.length === 0) return null;
  return `dpkg is in the middle of a transaction, or was cut off in one (${join(directory, "updates")}); see dpkg --audit`;
}

function runningManager({ pidFiles, present }: Marks): string | null {
  for (const [path, names] of pidFiles) {
    const pid = /^\s*([1-9][0-9]{0,9})\b/.exec(orEmpty(() => readFileSync(path, "utf8"), ""))?.[1];
    if (pid === undefined) continue;
    // Left behind by a manager that died, or another program has got its number.
    const name = orEmpty(() => readFileSync(`/proc/${pid}/comm`, "utf8"), "").trim();
    if (names.test(name)) return `${visible(name)} (pid ${pid}) is at work, says ${path}`;
  }
  const path = present.find((file) => statSync(file, { throwIfNoEntry: false }));
  return path === undefined ? null : `${path} is there: a transaction of packages goes on, or was cut off`;
}

function orEmpty<T>(read: () => T, empty: T): T {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ESRCH") return empty;
    throw error;
  }
}
