import { statSync } from "node:fs";
import type { FileFacts } from "@afterpatch/core/facts";
import { executableMappings, readingsOf } from "@afterpatch/core/proc/maps";
import { isRemote } from "@afterpatch/core/proc/mountinfo";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, compareContents, type Side } from "./content.ts";
import { livingThread, type MappedFile, type Task } from "./processes.ts";
import { codeOf, explain, isGone, readProc, tryLink } from "./read.ts";
import { type Found, find, remote, type View } from "./view.ts";

/** The mapped inode: what the kernel's handle says, or only its number where the handle may not be followed. */
type Inode =
  | ({ readonly kind: "handle" } & Side)
  | { readonly kind: "number"; readonly inode: bigint; readonly why: string }
  | { readonly kind: "gone" };

/**
 * One mapped file against what its path names now; null when both are the same file, or when every process that
 * mapped it is gone. `view` is null where its processes' tree of files cannot be reached.
 */
export function compareFile(file: MappedFile, view: View | null, budget: Budget): FileFacts | null {
  const { device, path: printed } = file.mapping;
  const { literal, deleted } = readingsOf(printed);
  const plain = deleted[0] ?? literal[0];
  if (view === null) return unknown(plain, "its mount namespace cannot be reached");
  const mount = view.mounts.find((candidate) => candidate.device === device);
  // Before any touch of the mapped side: the handle of a dead file server does not answer either.
  if (mount && isRemote(mount.type)) return unknown(plain, remote(mount));
  const isMounted = mount !== undefined || view.mounts.some(({ type }) => type === "overlay"); // overlayfs may print the device of a layer
  if (!isMounted && device.startsWith("00:"))
    return unknown(plain, "the file system it came from is no longer mounted");
  const mapped = mappedInode(file);
  if (mapped.kind === "gone") return null;
  const named = [...literal, ...deleted].map((name) => ({ name, found: find(name, view) }));
  if (named.some(({ found }) => found.kind === "found" && isSame(mapped, found))) return null;
  // The literal reading of ` (deleted)` would have been the very file.
  const isDeleted = deleted.length > 0;
  const candidates = isDeleted ? named.slice(literal.length) : named;
  const now = candidates.find(({ found }) => found.kind !== "missing") ?? candidates[0];
  return now ? judge(now.name, now.found, { mapped, isDeleted, isMounted }, view, budget) : null;
}

interface Circumstances {
  readonly mapped: Exclude<Inode, { kind: "gone" }>;
  readonly isDeleted: boolean;
  readonly isMounted: boolean;
}

function judge(
  name: string,
  now: Found,
  { mapped, isDeleted, isMounted }: Circumstances,
  view: View,
  budget: Budget,
): FileFacts {
  const path = textOfBytes(name);
  if (now.kind === "unreadable") return unknown(name, now.why);
  if (now.kind === "missing") {
    if (!isMounted) return unknown(name, "the file system it came from is no longer mounted");
    // The kernel does not call it deleted, so it lives where its processes cannot name it any more.
    if (!isDeleted) return unknown(name, "its path leads nowhere, but the kernel does not say that it was deleted");
    return { path, mapped: { kind: "unreadable", why: "nothing to compare with" }, onDisk: { kind: "missing" } };
  }
  if (mapped.kind === "number") return unknown(name, `the mapped file cannot be read: ${mapped.why}`);
  const onDisk = { path: view.prefix + now.path, isHandle: false, stat: now.stat };
  return { path, ...compareContents(mapped, onDisk, budget) };
}

function isSame(mapped: Exclude<Inode, { kind: "gone" }>, { stat }: Extract<Found, { kind: "found" }>): boolean {
  // The device that maps prints is not the one that stat names everywhere (btrfs, overlayfs): without a handle only the inode counts.
  return mapped.kind === "number"
    ? mapped.inode === stat.ino
    : mapped.stat.ino === stat.ino && mapped.stat.dev === stat.dev;
}

function mappedInode(file: MappedFile): Inode {
  for (const [index, holder] of file.holders.entries()) {
    const range = index === 0 ? file.mapping.range : rangeOf(file, holder);
    if (range === null) continue;
    const inode = mappedHandle(holder, range);
    if ("stat" in inode) return { kind: "handle", ...inode };
    if (isGone(inode.code)) continue; // the next process that maps it
    // Without the right to follow map_files a program itself can still be reached.
    const program = isExe(file, holder) ? handle(`${holder.proc}/exe`) : inode;
    if ("stat" in program) return { kind: "handle", ...program };
    return { kind: "number", inode: BigInt(file.mapping.inode), why: explain(program.code) };
  }
  return { kind: "gone" };
}

function mappedHandle({ pid, proc }: Task, range: string): Side | { readonly code: string } {
  const inode = handle(`${proc}/map_files/${range}`);
  if ("stat" in inode || !isGone(inode.code)) return inode;
  // The thread that was read may have ended, and its process gone on.
  const thread = tryThread(pid);
  return thread === null ? inode : handle(`/proc/${thread}/map_files/${range}`);
}

function tryThread(pid: number): number | null {
  try {
    return livingThread(pid);
  } catch (error) {
    codeOf(error); // the whole process ended
    return null;
  }
}

function handle(path: string): Side | { readonly code: string } {
  try {
    return { path, isHandle: true, stat: statSync(path, { bigint: true }) };
  } catch (error) {
    return { code: codeOf(error) };
  }
}

/** Where the same file is mapped in another process; ranges differ from one to the next. */
function rangeOf({ mapping }: MappedFile, { proc }: Task): string | null {
  try {
    return executableMappings(readProc(`${proc}/maps`)).find(({ tail }) => tail === mapping.tail)?.range ?? null;
  } catch (error) {
    codeOf(error); // gone as well
    return null;
  }
}

function isExe({ mapping }: MappedFile, { proc }: Task): boolean {
  return tryLink(`${proc}/exe`) === mapping.path;
}

function unknown(path: string, why: string): FileFacts {
  const side = { kind: "unreadable", why } as const;
  return { path: textOfBytes(path), mapped: side, onDisk: side };
}
