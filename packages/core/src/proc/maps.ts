/** One mapping of a file. */
export interface Mapping {
  /** Name of its entry in /proc/PID/map_files: `START-END` without leading zeros. */
  readonly range: string;
  /** `MAJOR:MINOR`, hexadecimal: says which mount is meant, never whether a file was replaced (btrfs, overlayfs). */
  readonly device: string;
  readonly inode: string;
  /** As printed, one byte per character; may end in ` (deleted)` and hold `\012` for a newline. */
  readonly path: string;
  /** Device, inode and path as printed: the same for every mapping of one file at one path. */
  readonly tail: string;
}

/** One executable mapping, and where it lies. */
export interface CodeMapping extends Mapping {
  /** Where in the file the range begins, in bytes. */
  readonly offset: number;
  /** In a folder for temporary files: programs unpack, map and remove code of their own there. */
  readonly isTemporary: boolean;
}

/**
 * Executable file mappings of one process. `maps` is the text of /proc/PID/maps with one byte per character, see
 * proc_pid_maps(5). `known` is asked with device, inode and path before anything is built: true skips the mapping.
 */
export function executableMappings(
  maps: string,
  known: (tail: string) => boolean = () => false,
): readonly CodeMapping[] {
  const found: CodeMapping[] = [];
  scanFor(maps, "xp ", known, found);
  // Shared executable mappings are rare: the whole text is searched once more only where there is one.
  if (maps.includes("xs ")) scanFor(maps, "xs ", known, found);
  return found;
}

function scanFor(maps: string, mode: string, known: (tail: string) => boolean, found: CodeMapping[]): void {
  for (let hit = maps.indexOf(mode), next = 0; hit >= 0; hit = maps.indexOf(mode, next)) {
    const lineStart = maps.lastIndexOf("\n", hit) + 1;
    const rangeEnd = maps.indexOf(" ", lineStart);
    // The same letters inside a path: the rest of the line is passed over, for a path may be long and full of them.
    const isMode = rangeEnd + 3 === hit;
    const newline = maps.indexOf("\n", hit);
    const lineEnd = newline < 0 ? maps.length : newline;
    next = hit > rangeEnd ? lineEnd : hit + 3;
    if (!isMode) continue;
    const device = maps.indexOf(" ", hit + 3) + 1; // after the offset
    if (device === 0 || device >= lineEnd) continue;
    const tail = maps.slice(device, lineEnd);
    if (known(tail)) continue;
    const mapping = mappingOf(maps.slice(lineStart, rangeEnd), maps.slice(hit + 3, device - 1), tail);
    if (mapping) found.push(mapping);
  }
}

/** `tail` is `MAJOR:MINOR INODE<spaces>PATH`: exactly two fields, then the path verbatim. */
function mappingOf(range: string, offset: string, tail: string): CodeMapping | null {
  const deviceEnd = tail.indexOf(" ");
  const inodeEnd = tail.indexOf(" ", deviceEnd + 1);
  if (deviceEnd < 0 || inodeEnd < 0) return null; // anonymous memory
  const inode = tail.slice(deviceEnd + 1, inodeEnd);
  const start = tail.indexOf("/", inodeEnd);
  // Padding before the path is blanks only; `[vdso]` and friends have inode 0.
  if (inode === "0" || start < 0 || tail.slice(inodeEnd, start).trim() !== "") return null;
  const path = tail.slice(start);
  // O_TMPFILE: a file that never had a name is printed as its inode, see d_tmpfile() of the kernel.
  if (isIgnored(path) || path.endsWith(`/#${inode}${DELETED}`)) return null;
  return {
    range: range.replace(/(^|-)0+(?=[0-9a-f])/g, "$1"),
    device: tail.slice(0, deviceEnd),
    inode,
    path,
    tail,
    offset: Number.parseInt(offset, 16),
    isTemporary: TEMPORARY.some((folder) => path.startsWith(folder)),
  };
}

// Memory that has a name but no program on a disk; a snap's files never change, another revision is another mount.
const IGNORED_PREFIXES = ["/memfd:", "/SYSV", "/dev/", "/[aio]", "/drm", "/i915", "/snap/"] as const;
const DELETED = " (deleted)";
const TEMPORARY = ["/tmp/", "/var/tmp/", "/run/", "/var/run/"] as const;
const IGNORED =
  /^\/anon_hugepage|^\/#[0-9]+(?: |$)|\/orcexec\.[^/]*$|\/jna[^/]*\.tmp(?: \(deleted\))?$|\/\.cache\/JNA\//;

/** Whether a mapped path is one that no upgrade replaces. */
export function isIgnored(path: string): boolean {
  return IGNORED_PREFIXES.some((prefix) => path.startsWith(prefix)) || IGNORED.test(path);
}

/** What a printed path may stand for. */
export interface Readings {
  /** Names if the text is the name: a live file may really be called `x (deleted)`. */
  readonly literal: readonly [string, ...string[]];
  /** Names if the kernel appended ` (deleted)`; empty when it did not. */
  readonly deleted: readonly string[];
}

export function readingsOf(printed: string): Readings {
  const deleted = printed.endsWith(DELETED) ? newlines(printed.slice(0, -DELETED.length)) : [];
  return { literal: newlines(printed), deleted };
}

// A newline is printed as `\012`, a backslash as itself: both readings exist.
function newlines(name: string): readonly [string, ...string[]] {
  return name.includes("\\012") ? [name.replaceAll("\\012", "\n"), name] : [name];
}
