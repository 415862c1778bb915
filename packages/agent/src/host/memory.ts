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
  const pages = new Map<number, Buffer>();
  try {
    return use((address, length) =>
      length <= PAGE ? readSmall(fd, pages, address, length) : readAt(fd, address, length),
    );
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

/** The smallest page of any machine: all of it is there, or nothing. */
const PAGE = 4096;
const MOST_PAGES = 64;

/** Names and lists lie close together: what is asked for in small pieces is read by the page. */
function readSmall(fd: number, pages: Map<number, Buffer>, address: number, length: number): Buffer {
  if (!Number.isSafeInteger(address) || address < 0 || length <= 0) return NOTHING;
  const from = address % PAGE;
  const here = pageAt(fd, pages, address - from).subarray(from, from + length);
  if (from + length <= PAGE || here.length < PAGE - from) return here;
  return Buffer.concat([here, pageAt(fd, pages, address - from + PAGE).subarray(0, from + length - PAGE)]);
}

function pageAt(fd: number, pages: Map<number, Buffer>, address: number): Buffer {
  const known = pages.get(address);
  if (known) return known;
  if (pages.size >= MOST_PAGES) pages.clear();
  const page = readAt(fd, address, PAGE);
  pages.set(address, page);
  return page;
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
