import type { Mapping } from "../proc/maps.ts";

/** A file that is mapped, for execution or not. */
export interface AnyMapping extends Mapping {
  readonly executable: boolean;
}

/**
 * Every file that a process has mapped, once per file and path: that of an executable mapping where there is one.
 * `maps` is the text of /proc/PID/maps with one byte per character; `wanted` is asked once per file, with its path as printed.
 */
export function fileMappings(maps: string, wanted: (printed: string) => boolean): readonly AnyMapping[] {
  const found = new Map<string, AnyMapping | null>();
  for (let start = 0; start < maps.length; ) {
    const newline = maps.indexOf("\n", start);
    const end = newline < 0 ? maps.length : newline;
    collect(maps.slice(start, end), wanted, found);
    start = end + 1;
  }
  return [...found.values()].filter((mapping) => mapping !== null);
}

/** `START-END PERMS OFFSET MAJOR:MINOR INODE<blanks>PATH`, the path verbatim. */
const LINE = /^0*([0-9a-f]+)-0*([0-9a-f]+) ..(.). ([0-9a-f]+) (([0-9a-f]+:[0-9a-f]+) ([1-9][0-9]*) +(\/.*))$/;

function collect(line: string, wanted: (printed: string) => boolean, found: Map<string, AnyMapping | null>): void {
  const [, from, to, execute, offset, tail, device, inode, path] = LINE.exec(line) ?? [];
  if (from === undefined || to === undefined || tail === undefined || device === undefined) return;
  if (offset === undefined || inode === undefined || path === undefined) return;
  const known = found.get(tail);
  const executable = execute === "x";
  if (known === null || (known && (known.executable || !executable))) return;
  if (known === undefined && (isPseudo(path) || !wanted(path))) found.set(tail, null);
  else {
    const range = `${from}-${to}`;
    const at = Number.parseInt(offset, 16);
    const mapping = { range, offset: at, device, inode, path, tail, isTemporary: false, executable };
    found.set(tail, mapping);
  }
}

/** Memory that has a name but is no file of a disk. */
function isPseudo(path: string): boolean {
  return /^\/(?:memfd:|SYSV|dev\/|\[aio\]|drm|i915|anon_hugepage|#[0-9]+(?: |$))/.test(path);
}
