import { readdirSync, statSync } from "node:fs";
import type { FileFacts } from "@afterpatch/core/facts";
import { baseName } from "@afterpatch/core/interpreters/program/shell";
import type { Language } from "@afterpatch/core/interpreters/types";
import { isRemote, mountOf } from "@afterpatch/core/proc/mountinfo";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, bytesOf, compareContents, type Side } from "../content.ts";
import { codeOf, tryLink } from "../read.ts";
import type { ProgramFiles } from "./program-files.ts";
import type { Running } from "./running.ts";

/** A file of its program that a process still has open. */
export interface OpenFile {
  /** As the process sees it. */
  readonly path: string;
  readonly descriptor: number;
  /** It is the very file that its path names now. */
  readonly isOnDisk: boolean;
  readonly role: "script" | "archive";
  /** What differs; null: nothing. */
  readonly facts: FileFacts | null;
}

/** How many descriptors are looked at, the lowest first. Java keeps its archives open, shells the script alone. */
const MOST_DESCRIPTORS: Readonly<Record<Language, number>> = {
  shell: 1024,
  java: 16_384,
  python: 256,
  perl: 256,
  ruby: 256,
  php: 256,
  node: 0,
};
const ARCHIVE = /\.(?:jar|war|ear|jmod|class|zip|egg|whl|pyz|phar)$/i;
const TEMPORARY = /^\/(?:tmp|var\/tmp|run|var\/run|dev|var\/lib\/dpkg\/tmp\.ci)\//;
const DELETED = " (deleted)";

/** Exact evidence: a descriptor leads to the bytes that the interpreter reads, whatever its path names now. */
export function openFilesOf(running: Running, { script, missing }: ProgramFiles, budget: Budget): readonly OpenFile[] {
  const name = script === null && missing === null ? null : baseName(script?.path ?? missing ?? "");
  return descriptorsOf(running).flatMap((descriptor) => openFile(descriptor, running, name, budget) ?? []);
}

function openFile(descriptor: number, running: Running, name: string | null, budget: Budget): OpenFile | null {
  const { task, tree } = running;
  const handle = `${task.proc}/fd/${descriptor}`;
  const link = tryLink(handle);
  if (link === null || !link.startsWith("/") || link.startsWith("/memfd:")) return null;
  const isDeleted = link.endsWith(DELETED);
  const printed = isDeleted ? link.slice(0, -DELETED.length) : link;
  const role = roleOf(printed, descriptor, running, name);
  const mount = mountOf(printed, tree.view.mounts);
  if (role === null || (mount && isRemote(mount.type))) return null; // not even by its handle; its path is told as unreadable
  const side = sideOf(handle);
  if (side === null) return null;
  const path = tree.inside(printed);
  const found = tree.find(path);
  const known = { path, descriptor, role, isOnDisk: false };
  const about = { path: textOfBytes(printed), role, evidence: `its descriptor ${descriptor} is open on what it reads` };
  if (found.kind === "found") {
    if (found.stat.ino === side.stat.ino && found.stat.dev === side.stat.dev)
      return { ...known, isOnDisk: true, facts: null };
    return { ...known, facts: { ...about, ...compareContents(side, tree.fileOf(found).side, budget) } };
  }
  // A script that its own process, or its installer, removed after use was never installed.
  if (found.kind === "unreadable" || !isDeleted || TEMPORARY.test(path)) return null;
  return { ...known, facts: { ...about, mapped: bytesOf(side, budget), onDisk: { kind: "missing" } } };
}

function descriptorsOf({ task, interpreter }: Running): readonly number[] {
  const most = MOST_DESCRIPTORS[interpreter.language];
  if (most === 0) return [];
  try {
    const numbers = readdirSync(`${task.proc}/fd`).map(Number);
    return numbers.sort((a, b) => a - b).slice(0, most);
  } catch (error) {
    codeOf(error); // gone, or not ours to read
    return [];
  }
}

/** Shells move their script out of the way of redirections: bash to 255 if it may, others to 10 or more. */
function roleOf(
  path: string,
  descriptor: number,
  { interpreter: { language }, executable }: Running,
  script: string | null,
): OpenFile["role"] | null {
  if (language === "java") return ARCHIVE.test(path) ? "archive" : null;
  if (language === "shell") {
    if (descriptor < 10 || script === null) return null;
    const isScript = baseName(path) === script || (descriptor === 255 && /bash$/.test(executable));
    return isScript ? "script" : null;
  }
  if (script === null || baseName(path) !== script) return null;
  return ARCHIVE.test(path) ? "archive" : "script";
}

function sideOf(handle: string): Side | null {
  try {
    const stat = statSync(handle, { bigint: true });
    return stat.isFile() ? { path: handle, isHandle: true, stat } : null;
  } catch (error) {
    codeOf(error);
    return null;
  }
}
