import { segmentsOf, viewOf, wide } from "./layout.ts";
import type { ReadMemory } from "./loaded.ts";

/** By which names a process loaded what it runs. Names are one byte per character, as the kernel and the loader keep them. */
export interface LoadedNames {
  /** What was given to execve(2): AT_EXECFN of getauxval(3). */
  readonly program: string | null;
  /** What the dynamic loader opened, and where the dynamic section of that file is; see struct link_map in link.h. */
  readonly libraries: readonly { readonly name: string; readonly dynamic: number }[];
}

const AT_PHDR = 3;
const AT_PHNUM = 5;
const AT_EXECFN = 31;
const PT_DYNAMIC = 2;
const PT_PHDR = 6;
const DT_DEBUG = 21;
const LITTLE = { is64: true, littleEndian: true } as const;

const MAX_LIBRARIES = 2048;
const MAX_DYNAMIC = 256;
const LONGEST_NAME = 4096;

/**
 * Of a 64-bit little-endian process, from the bytes of /proc/PID/auxv and its memory. Both may be hostile: the number
 * and the length of reads are fixed, a chain that closes a circle ends, and a name proves nothing by itself.
 */
export function loadedNames(
  auxv: Uint8Array,
  memory: ReadMemory,
  { libraries }: { readonly libraries: boolean },
): LoadedNames {
  const values = auxiliary(auxv);
  const name = values.get(AT_EXECFN);
  return {
    program: name === undefined ? null : textAt(name, memory),
    libraries: libraries ? librariesOf(values, memory) : [],
  };
}

function auxiliary(auxv: Uint8Array): ReadonlyMap<number, number> {
  const view = viewOf(auxv);
  const values = new Map<number, number>();
  for (let at = 0; at + 16 <= view.byteLength; at += 16) {
    const key = wide(view, at, LITTLE);
    const value = wide(view, at + 8, LITTLE);
    if (key === 0) break;
    if (key !== null && value !== null) values.set(key, value);
  }
  return values;
}

function librariesOf(values: ReadonlyMap<number, number>, memory: ReadMemory): LoadedNames["libraries"] {
  const found: { name: string; dynamic: number }[] = [];
  const seen = new Set<number>();
  // struct r_debug: version, then the first link_map.
  for (let at = pointer(debugOf(values, memory) + 8, memory); at > 0 && !seen.has(at); ) {
    seen.add(at);
    const entry = viewOf(memory(at, 40));
    const [name, dynamic, next] = [8, 16, 24].map((field) => wide(entry, field, LITTLE));
    const text = name ? textAt(name, memory) : null;
    if (text?.startsWith("/") && dynamic) found.push({ name: text, dynamic });
    if (seen.size >= MAX_LIBRARIES) break;
    at = next ?? 0;
  }
  return found;
}

/** Address of the loader's r_debug, which it leaves in DT_DEBUG of the program; -8 when there is none. */
function debugOf(values: ReadonlyMap<number, number>, memory: ReadMemory): number {
  const headers = values.get(AT_PHDR);
  const count = Math.min(values.get(AT_PHNUM) ?? 0, 64);
  if (headers === undefined) return -8;
  const segments = segmentsOf(viewOf(memory(headers, count * 56)), LITTLE);
  const own = segments.find(({ type }) => type === PT_PHDR);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!own || !dynamic) return -8;
  const entries = viewOf(memory(headers - own.address + dynamic.address, MAX_DYNAMIC * 16));
  for (let at = 0; at + 16 <= entries.byteLength; at += 16) {
    const tag = wide(entries, at, LITTLE);
    if (tag === 0) break;
    if (tag === DT_DEBUG) return wide(entries, at + 8, LITTLE) || -8;
  }
  return -8;
}

function pointer(address: number, memory: ReadMemory): number {
  return (address > 0 ? wide(viewOf(memory(address, 8)), 0, LITTLE) : null) ?? 0;
}

function textAt(address: number, memory: ReadMemory): string | null {
  for (const length of [256, LONGEST_NAME]) {
    const bytes = memory(address, length);
    const end = bytes.indexOf(0);
    if (end >= 0) return String.fromCharCode.apply(null, bytes.subarray(0, end) as unknown as number[]); // any list of numbers
  }
  return null;
}
