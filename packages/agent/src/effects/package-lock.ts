import { readFileSync, type Stats, statSync } from "node:fs";
import { visible } from "@afterpatch/core/text";
import { StepError } from "./error.ts";
import { procText } from "./processes.ts";

/** Locked for as long as a package manager changes files. */
const LOCKS = [
  "/var/lib/dpkg/lock-frontend",
  "/var/lib/dpkg/lock",
  "/var/lib/rpm/.rpm.lock",
  "/usr/lib/sysimage/rpm/.rpm.lock",
  "/lib/apk/db/lock",
] as const;

export interface HeldLock {
  readonly pid: number;
  /** `MAJOR:MINOR`, hexadecimal. */
  readonly device: string;
  readonly inode: string;
}

/** Write locks of the text of /proc/locks, see proc_locks(5); not those that somebody only waits for. */
export function writeLocks(text: string): readonly HeldLock[] {
  return text.split("\n").flatMap((line) => {
    const match = /^[0-9]+: (?:POSIX|FLOCK|OFDLCK) +\S+ +WRITE (-?[0-9]+) ([0-9a-f]+:[0-9a-f]+):([0-9]+) /.exec(line);
    const [, pid, device, inode] = match ?? [];
    return device === undefined || inode === undefined ? [] : [{ pid: Number(pid), device, inode }];
  });
}

/** Which package manager is at work, or null. */
export function packageManager(locks: readonly string[] = LOCKS): string | null {
  const holder = lockHolder(locks);
  if (!holder) return null;
  const name = visible(procText(holder.pid, "comm")?.trim() || "a program");
  return `${name} (pid ${holder.pid}) holds ${holder.path}`;
}

/** Who holds one of these locks. */
export function lockHolder(locks: readonly string[] = LOCKS): { readonly pid: number; readonly path: string } | null {
  const files = locks.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat ? [{ path, stat }] : [];
  });
  if (files.length === 0) return null;
  for (const lock of writeLocks(locksText())) {
    const file = files.find(({ stat }) => isOn(lock, stat));
    if (file) return { pid: lock.pid, path: file.path };
  }
  return null;
}

/** On overlayfs and btrfs the kernel prints another device than stat: there the inode alone has to do. */
function isOn({ device, inode }: HeldLock, stat: Stats): boolean {
  if (inode !== String(stat.ino)) return false;
  const [major, minor] = device.split(":").map((number) => Number.parseInt(number, 16));
  const isAnonymous = major === 0 || majorOf(stat.dev) === 0;
  return isAnonymous || (major === majorOf(stat.dev) && minor === minorOf(stat.dev));
}

/** gnu_dev_major(3), for what fits a number. */
function majorOf(dev: number): number {
  return Math.floor(dev / 256) & 0xfff;
}

function minorOf(dev: number): number {
  return (dev & 0xff) | (Math.floor(dev / 4096) & 0xfff00);
}

function locksText(): string {
  try {
    return readFileSync("/proc/locks", "utf8");
  } catch (error) {
    throw new StepError(
      "unreadable",
      "/proc/locks cannot be read, so nobody knows whether a package manager is at work",
      { cause: error },
    );
  }
}
