import { closeSync, readSync } from "node:fs";
import { buildIdOf } from "@afterpatch/core/elf/build-id";
import { open, type Side } from "./content.ts";
import { withMemory } from "./memory.ts";
import type { MappedFile, Task } from "./processes.ts";
import { codeOf, readProc } from "./read.ts";

/** First bytes of files that something installs and runs: ELF, PE (wine, .NET), scripts. */
const MAGIC = ["\x7fELF", "MZ", "#!"];

/** False only for a file that was read and is none. */
export function isProgram(side: Side): boolean {
  const fd = open(side);
  if (typeof fd !== "number") return true;
  try {
    const head = Buffer.alloc(4);
    readSync(fd, head, 0, head.length, 0);
    return MAGIC.some((magic) => head.toString("latin1").startsWith(magic));
  } catch (error) {
    codeOf(error);
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Build-id of a mapped file as its first part in the memory of one of its processes has it, or null. */
export function mappedBuildId(file: MappedFile): string | null {
  for (const holder of file.holders.slice(0, 3)) {
    const hex = inMemory(file, holder);
    if (hex !== null) return hex;
  }
  return null;
}

function inMemory({ mapping }: MappedFile, { proc }: Task): string | null {
  try {
    const lines = readProc(`${proc}/maps`).split("\n");
    const first = lines.find((line) => line.endsWith(` ${mapping.tail}`) && / 00000000 /.test(line.slice(0, 60)));
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(first ?? "") ?? [];
    if (start === undefined || end === undefined) return null;
    const [from, to] = [Number.parseInt(start, 16), Number.parseInt(end, 16)];
    return withMemory(proc, (memory) =>
      buildIdOf((offset, length) => memory(from + offset, Math.max(0, Math.min(length, to - from - offset)))),
    );
  } catch (error) {
    codeOf(error); // it ended
    return null;
  }
}
