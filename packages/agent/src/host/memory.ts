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
  const pages: Pages = { fd, slots: new Map(), used: 0 };
  try {
    return use((address, length) => (length <= PAGE ? readSmall(pages, address, length) : readAt(fd, address, length)));
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
/** Names and lists lie close together: so many pages are read at once, as far as they are there. */
const AHEAD = 4;

/** Pages of one memory that were read, in `buffer`: one for all of them, and therefore of use to one at a time. */
interface Pages {
  readonly fd: number;
  /** Address of a page to its number in the buffer. */
  readonly slots: Map<number, number>;
  used: number;
}

const buffer = Buffer.allocUnsafeSlow(MOST_PAGES * PAGE);
let inBuffer: Pages | null = null;

/** What is asked for in small pieces is read by the page. The answer is a copy: pages come and go. */
function readSmall(pages: Pages, address: number, length: number): Buffer {
  if (!Number.isSafeInteger(address) || address < 0 || length <= 0) return NOTHING;
  const from = address % PAGE;
  const bytes = Buffer.allocUnsafe(length);
  const count = copyOf(pages, address - from, from, bytes);
  if (count < length && from + count === PAGE) {
    return bytes.subarray(0, count + copyOf(pages, address - from + PAGE, 0, bytes.subarray(count)));
  }
  return count < length ? NOTHING : bytes;
}

/** Copies what a page has from `from` on into `bytes`, and returns how much that is. */
function copyOf(pages: Pages, page: number, from: number, bytes: Buffer): number {
  const slot = slotOf(pages, page);
  return slot === null
    ? 0
    : buffer.copy(bytes, 0, slot * PAGE + from, Math.min(slot * PAGE + from + bytes.length, (slot + 1) * PAGE));
}

function slotOf(pages: Pages, page: number): number | null {
  if (inBuffer !== pages) forget(pages);
  inBuffer = pages;
  const known = pages.slots.get(page);
  if (known !== undefined) return known;
  if (pages.used + AHEAD > MOST_PAGES) forget(pages);
  const slot = pages.used;
  const count = Math.floor(readInto(pages.fd, buffer, { at: slot * PAGE, length: AHEAD * PAGE }, page) / PAGE);
  for (let ahead = 0; ahead < count; ahead += 1) pages.slots.set(page + ahead * PAGE, slot + ahead);
  pages.used += count;
  return count > 0 ? slot : null;
}

function forget(pages: Pages): void {
  pages.slots.clear();
  pages.used = 0;
}

function readAt(fd: number, address: number, length: number): Buffer {
  if (!Number.isSafeInteger(address) || address < 0 || length <= 0) return NOTHING;
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readInto(fd, bytes, { at: 0, length }, address));
}

/** How many bytes there are from `address` on, as far as they fit. */
function readInto(
  fd: number,
  bytes: Buffer,
  { at, length }: { readonly at: number; readonly length: number },
  address: number,
): number {
  try {
    return readSync(fd, bytes, at, length, address);
  } catch (error) {
    codeOf(error); // nothing is mapped there
    return 0;
  }
}
