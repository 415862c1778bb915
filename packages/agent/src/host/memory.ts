import { closeSync, constants, openSync, readSync } from "node:fs";
import type { ReadMemory } from "@afterpatch/core/elf/loaded";
import { codeOf } from "./read.ts";

const NOTHING = Buffer.alloc(0);

/**
 * Gives `use` the memory of a process, which needs no right to follow map_files. Every address comes from that memory
 * or from a file that it mapped: what is not there reads as nothing. Null when the memory cannot be opened.
 */
export function withMemory<T>(proc: string, use: (read: ReadMemory) => T): T | null {
  const fd = tryOpen(`${proc}/mem`);
  if (fd === null) return null;
  try {
    return use((address, length) => readAt(fd, address, length));
  } finally {
    closeSync(fd);
  }
}

function tryOpen(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOCTTY);
  } catch (error) {
    codeOf(error); // not ours to read, or gone
    return null;
  }
}

function readAt(fd: number, address: number, length: number): Buffer {
  if (!Number.isSafeInteger(address) || address < 0 || length <= 0) return NOTHING;
  const bytes = Buffer.allocUnsafe(length);
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, length, address));
  } catch (error) {
    codeOf(error); // nothing is mapped there
    return NOTHING;
  }
}
