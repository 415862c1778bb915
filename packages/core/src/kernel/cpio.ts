import type { ReadAt } from "./image.ts";

/** One file of an archive, by where its bytes are. */
export interface ArchivedFile {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const HEADER = 110;
const MOST_ENTRIES = 200;

/**
 * Files of the uncompressed cpio archives that an initial RAM disk begins with, where early microcode is looked for
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Stops at the first thing that is none.
 */
export function earlyFiles(readAt: ReadAt): readonly ArchivedFile[] {
  const files: ArchivedFile[] = [];
  for (let at = 0, seen = 0; seen < MOST_ENTRIES; seen++) {
    const header = text(readAt(at, HEADER));
    // Archives follow one another after any number of zeros; one page of them is looked through.
    if (header.startsWith("\0")) {
      const next = text(readAt(at, 4096)).search(/[^\0]/);
      if (next < 0) return files;
      at += next;
      continue;
    }
    if (!/^07070[12][0-9A-Fa-f]{104}$/.test(header)) return files;
    const size = field(header, 6);
    const nameSize = field(header, 11);
    if (nameSize === 0 || nameSize > 4096) return files;
    const name = text(readAt(at + HEADER, nameSize - 1));
    const offset = align(at + HEADER + nameSize);
    if (name !== "TRAILER!!!") files.push({ name, offset, size });
    at = align(offset + size);
  }
  return files;
}

function field(header: string, index: number): number {
  return Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
}

function align(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}

function text(bytes: Uint8Array): string {
  let result = "";
  for (const byte of bytes) result += String.fromCharCode(byte);
  return result;
}
