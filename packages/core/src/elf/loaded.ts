import { type Elf, layoutOf, type ReadAt, type Segment, viewOf, wide } from "./layout.ts";

/** Memory of a process at an address: fewer bytes than asked where it ends, none where it cannot be read. */
export type ReadMemory = (address: number, length: number) => Uint8Array;

/** Whether what the loader once made of a file in a process's memory is what it would make of the file now. */
export type Agreement =
  | { readonly kind: "same" }
  | { readonly kind: "changed"; readonly why: string }
  | { readonly kind: "untold" };

/** What a process mapped: the executable range, and which part of the file that was. */
export interface LoadedAt {
  readonly address: number;
  readonly offset: number;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_RELRO = 0x6474e552;
const WINDOW = 64 * 1024;
const UNTOLD = { kind: "untold" } as const;

/**
 * Compares a file that was written to in place with a process that mapped it before. Pages of code prove nothing: while
 * nobody writes to them they are the file's own and show the new bytes. The relocated read-only data (PT_GNU_RELRO) is
 * the process's own copy, made by the loader and never changed after: its dynamic section and its relative relocations
 * must be those of the file. A file that was cut to nothing and written again (cp, a shell's `>`) takes such copies away,
 * and what is read then was never relocated. 64-bit files with that segment only; everything else is `untold`.
 */
export function agreement(file: ReadAt, size: number, memory: ReadMemory, at: LoadedAt): Agreement {
  if (at.offset >= size) return changed("the file is shorter now than the part that is mapped");
  const elf = layoutOf(file);
  if (!elf?.is64) return UNTOLD;
  const code = codeSegment(elf, at.offset);
  if (!code) return changed("the file has nothing now where code is mapped from");
  const relro = elf.segments.find(({ type }) => type === PT_GNU_RELRO);
  if (!relro) return UNTOLD;
  const bias = at.address - at.offset - (code.address - code.offset);
  const entries = dynamicEntries(file, elf);
  const checks = [
    dynamicAgrees(entries, elf, memory, bias),
    relocationsAgree(file, { elf, relro, entries }, memory, bias),
  ];
  if (checks.includes("changed")) return changed("the loader's data in memory is not that of the file");
  return checks.includes("same") ? { kind: "same" } : UNTOLD;
}

type Check = "same" | "changed" | "untold";

function changed(why: string): Agreement {
  return { kind: "changed", why };
}

const EM_386 = 3;
const EM_X86_64 = 62;

/** The loadable segment that the mapped part of the file belongs to, in whole pages. */
function codeSegment({ machine, segments }: Elf, offset: number): Segment | null {
  const page = machine === EM_X86_64 || machine === EM_386 ? 4096 : 65536;
  const covers = (segment: Segment) =>
    segment.type === PT_LOAD &&
    Math.floor(segment.offset / page) * page <= offset &&
    offset < segment.offset + segment.fileSize;
  // The last one: a page may hold the end of one segment and the beginning of the next.
  return segments.findLast(covers) ?? null;
}

interface Entry {
  readonly tag: number;
  readonly value: number;
}

interface Dynamic {
  readonly address: number;
  readonly entries: readonly Entry[];
}

const DT_NULL = 0;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_DEBUG = 21;

function dynamicEntries(file: ReadAt, elf: Elf): Dynamic | null {
  const dynamic = elf.segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) return null;
  const bytes = viewOf(file(dynamic.offset, Math.min(dynamic.fileSize, WINDOW)));
  const entries: Entry[] = [];
  for (let at = 0; at + 16 <= bytes.byteLength; at += 16) {
    const tag = wide(bytes, at, elf);
    const value = wide(bytes, at + 8, elf);
    if (tag === DT_NULL) break;
    entries.push({ tag: tag ?? -1, value: value ?? -1 });
  }
  return { address: dynamic.address, entries };
}

/** The dynamic section; addresses in it may have been made absolute by the loader (D_PTR of glibc). */
function dynamicAgrees(dynamic: Dynamic | null, elf: Elf, memory: ReadMemory, bias: number): Check {
  if (!dynamic || dynamic.entries.length === 0) return "untold";
  const bytes = viewOf(memory(bias + dynamic.address, dynamic.entries.length * 16));
  if (bytes.byteLength < dynamic.entries.length * 16) return "untold";
  const agrees = dynamic.entries.every(({ tag, value }, index) => {
    if (tag === -1 || value === -1 || tag === DT_DEBUG) return true; // DT_DEBUG is the loader's to fill
    const mapped = wide(bytes, index * 16 + 8, elf);
    return wide(bytes, index * 16, elf) === tag && (mapped === value || mapped === bias + value);
  });
  return agrees ? "same" : "changed";
}

/** R_*_RELATIVE by machine: the word is the load address plus the addend. */
const RELATIVE: Readonly<Record<number, number>> = { 62: 8, 183: 1027, 243: 3, 258: 3, 21: 22, 22: 12 };
const ENTRY = 24;

interface Relocated {
  readonly elf: Elf;
  readonly relro: Segment;
  readonly entries: Dynamic | null;
}

/** Relative relocations within the beginning of the segment. */
function relocationsAgree(file: ReadAt, { elf, relro, entries }: Relocated, memory: ReadMemory, bias: number): Check {
  const relative = RELATIVE[elf.machine];
  const tag = (wanted: number) => entries?.entries.find((entry) => entry.tag === wanted)?.value ?? 0;
  const table = fileOffset(elf, tag(DT_RELA));
  const length = Math.min(relro.fileSize, WINDOW);
  if (relative === undefined || table === null || length === 0) return "untold";
  const relocations = viewOf(file(table, Math.min(tag(DT_RELASZ), WINDOW)));
  const words = viewOf(memory(bias + relro.address, length));
  let right = 0;
  let wrong = 0;
  for (let at = 0; at + ENTRY <= relocations.byteLength; at += ENTRY) {
    const place = (wide(relocations, at, elf) ?? -1) - relro.address;
    if (wide(relocations, at + 8, elf) !== relative || place < 0 || place + 8 > words.byteLength) continue;
    const addend = wide(relocations, at + 16, elf);
    if (addend === null) continue;
    if (wide(words, place, elf) === bias + addend) right += 1;
    else wrong += 1;
  }
  if (right + wrong === 0) return "untold";
  // The loader's own variables may be set once more before they become read-only: a few do not count.
  return wrong > (right + wrong) / 10 ? "changed" : "same";
}

function fileOffset({ segments }: Elf, address: number): number | null {
  if (address === 0) return null;
  const segment = segments.find(
    ({ type, address: start, fileSize }) => type === PT_LOAD && start <= address && address < start + fileSize,
  );
  return segment ? address - segment.address + segment.offset : null;
}
