import { statSync } from "node:fs";
import type { FileFacts } from "@afterpatch/core/facts";
import { executableMappings, readingsOf } from "@afterpatch/core/proc/maps";
import { isRemote } from "@afterpatch/core/proc/mountinfo";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, compareContents, contentOf, type Side } from "./content.ts";
import { isProgram, mappedBuildId } from "./format.ts";
import { changedInPlace, type InPlace } from "./in-place.ts";
import { type NamesRead, renamedFile } from "./names.ts";
import { livingThread, type MappedFile, type Place, type Task } from "./processes.ts";
import { codeOf, explain, isGone, readProc, tryLink } from "./read.ts";
import { type Found, find, remote, type View } from "./view.ts";

/** The mapped inode: what the kernel's handle says, or only its number where the handle may not be followed. */
type Inode =
  | ({ readonly kind: "handle" } & Side)
  | { readonly kind: "number"; readonly inode: bigint; readonly device: string; readonly why: string }
  | { readonly kind: "gone" };

/** What differs, and for which of the processes that mapped the file. */
export interface Difference {
  readonly facts: FileFacts;
  readonly holders: readonly Task[];
  /** Those of `holders` of which it still holds; to be asked when everything else has been compared. */
  readonly again?: () => readonly Task[];
}

/** What all comparisons of one scan share. */
export interface Comparing {
  readonly budget: Budget;
  readonly inPlace: InPlace;
  readonly names: NamesRead;
}

/**
 * One mapped file against what its path names now, its own earlier content, and what the name it was loaded by names
 * now. Empty when all are the same, or when every process that mapped it is gone. `view` is null where its processes'
 * tree of files cannot be reached.
 */
export function compareFile(file: MappedFile, place: Place, view: View | null, all: Comparing): readonly Difference[] {
  const compared = compareWithPath(file, view, all.budget);
  if (compared.kind === "gone") return [];
  if (compared.kind === "differs") return [{ facts: compared.facts, holders: file.holders }];
  const side = sideOf(compared.found, compared.view);
  const renamed = renamedFile(file, side, { place, view: compared.view }, all.names, all.budget);
  const changed = changedInPlace(compared.name, file, side, all.inPlace, all.budget);
  return renamed ? [renamed, ...changed] : changed;
}

type Compared =
  | { readonly kind: "gone" }
  | { readonly kind: "differs"; readonly facts: FileFacts }
  | {
      readonly kind: "same";
      readonly name: string;
      readonly found: Extract<Found, { kind: "found" }>;
      readonly view: View;
    };

function compareWithPath(file: MappedFile, view: View | null, budget: Budget): Compared {
  const { device, path: printed } = file.mapping;
  const { literal, deleted } = readingsOf(printed);
  const plain = deleted[0] ?? literal[0];
  if (view === null) return differs(unknown(plain, "its mount namespace cannot be reached"));
  const mount = view.mounts.find((candidate) => candidate.device === device);
  // Before any touch of the mapped side: the handle of a dead file server does not answer either.
  if (mount && isRemote(mount.type)) return differs(unknown(plain, remote(mount)));
  const isMounted = mount !== undefined || view.mounts.some(({ type }) => type === "overlay"); // overlayfs may print the device of a layer
  if (!isMounted && device.startsWith("00:"))
    return differs(unknown(plain, "the file system it came from is no longer mounted"));
  const mapped = mappedInode(file);
  if (mapped.kind === "gone") return { kind: "gone" };
  const named = [...literal, ...deleted].map((name) => ({ name, found: find(name, view) }));
  for (const { name, found } of named) {
    if (found.kind === "found" && isSame(mapped, found)) return { kind: "same", name, found, view };
  }
  // The literal reading of ` (deleted)` would have been the very file.
  const isDeleted = deleted.length > 0;
  const candidates = isDeleted ? named.slice(literal.length) : named;
  const now = candidates.find(({ found }) => found.kind !== "missing") ?? candidates[0];
  if (!now || (now.found.kind === "missing" && isPassing(file, mapped))) return { kind: "gone" };
  return differs(judge(now.name, now.found, { file, mapped, isDeleted, isMounted }, view, budget));
}

function differs(facts: FileFacts): Compared {
  return { kind: "differs", facts };
}

/**
 * Code that a program made for itself and removed from the disk, as just-in-time compilers and unpackers do, is not old:
 * no new file has its name. A program that really runs from such a place is.
 */
function isPassing(file: MappedFile, mapped: Exclude<Inode, { kind: "gone" }>): boolean {
  if (file.holders.some((holder) => isExe(file, holder))) return false;
  return file.mapping.isTemporary || (mapped.kind === "handle" && mapped.stat.isFile() && !isProgram(mapped));
}

interface Circumstances {
  readonly file: MappedFile;
  readonly mapped: Exclude<Inode, { kind: "gone" }>;
  readonly isDeleted: boolean;
  readonly isMounted: boolean;
}

function judge(
  name: string,
  now: Found,
  { file, mapped, isDeleted, isMounted }: Circumstances,
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
  const onDisk = sideOf(now, view);
  if (mapped.kind === "handle") return { path, ...compareContents(mapped, onDisk, budget) };
  // Without the right to follow map_files: the part of the file that is in memory holds its build-id.
  const [inMemory, hex] = [mappedBuildId(file), contentOf(onDisk, budget)];
  if (inMemory === null || hex.kind !== "build-id")
    return unknown(name, `the mapped file cannot be read: ${mapped.why}`);
  return { path, mapped: { kind: "build-id", hex: inMemory }, onDisk: hex };
}

function sideOf({ path, stat }: Extract<Found, { kind: "found" }>, { prefix }: View): Side {
  return { path: prefix + path, isHandle: false, stat };
}

function isSame(mapped: Exclude<Inode, { kind: "gone" }>, { stat }: Extract<Found, { kind: "found" }>): boolean {
  if (mapped.kind === "handle") return mapped.stat.ino === stat.ino && mapped.stat.dev === stat.dev;
  // The device that maps prints is not the one that stat names everywhere: where it has no major number (btrfs,
  // overlayfs) only the inode counts.
  return mapped.inode === stat.ino && (mapped.device.startsWith("00:") || mapped.device === deviceOf(stat.dev));
}

/** `MAJOR:MINOR` as maps prints it, see new_encode_dev() and makedev(3). */
function deviceOf(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return [major, minor].map((part) => part.toString(16).padStart(2, "0")).join(":");
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
    const { inode: number, device } = file.mapping;
    return { kind: "number", inode: BigInt(number), device, why: explain(program.code) };
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
