import { closeSync, constants, fstatSync, openSync, opendirSync, readSync } from "node:fs";
import type { ReadAt } from "@afterpatch/core/kernel/image";
import { mountOf } from "@afterpatch/core/proc/mountinfo";
import { textOfBytes } from "@afterpatch/core/text";
import { codeOf, explain, isGone, pathOf } from "../read.ts";
import { find, viewOf, type View } from "../view.ts";

/** A tree of files below one root, with what of it could not be read. Nothing on a network, FUSE or autofs mount is touched. */
export interface Files {
  readonly root: string;
  readonly view: View;
  readonly unreadable: { readonly path: string; readonly why: string }[];
}

/** A regular file that is open. */
export interface OpenFile {
  readonly readAt: ReadAt;
  /** Path without links, below the root. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

/** `root` is empty for this machine's own tree. */
export function filesOf(root: string): Files {
  return { root, view: viewOf({ prefix: "", above: "", root }, "/proc/self/mountinfo"), unreadable: [] };
}

/** Uses a regular file, links in its path followed below the root; null where there is none or it cannot be read. */
export function withFile<T>(files: Files, path: string, use: (file: OpenFile) => T): T | null {
  const found = find(files.root + path, files.view);
  if (found.kind === "missing") return null;
  if (found.kind === "unreadable") return failed(files, path, found.why);
  if (!found.stat.isFile()) return failed(files, path, "not a regular file");
  let fd: number;
  try {
    fd = openSync(
      pathOf(found.path),
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW,
    );
  } catch (error) {
    const code = codeOf(error);
    return isGone(code) ? null : failed(files, path, explain(code));
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return failed(files, path, "not a regular file");
    const readAt: ReadAt = (offset, length) => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, MOST_AT_ONCE)));
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset));
    };
    return use({
      readAt,
      path: found.path.slice(files.root.length),
      sizeBytes: stat.size,
      modifiedAt: Math.round(stat.mtimeMs),
    });
  } catch (error) {
    return failed(files, path, explain(codeOf(error)));
  } finally {
    closeSync(fd);
  }
}

const MOST_AT_ONCE = 32 * 1024 * 1024;

/** Text of a regular file, one byte per character. A longer one than `longest` is not read at all. */
export function textOf(files: Files, path: string, longest = 64 * 1024): string | null {
  return withFile(files, path, ({ readAt }) => {
    // The size is not asked: files of /proc and /sys do not know theirs.
    let text = "";
    while (text.length <= longest) {
      const bytes = Buffer.from(readAt(text.length, Math.min(longest + 1 - text.length, 256 * 1024)));
      if (bytes.length === 0) return text;
      text += bytes.toString("latin1");
    }
    return failed(files, path, explain("EFBIG"));
  });
}

/** Names in a folder, sorted; null where there is none or it cannot be read. */
export function namesIn(files: Files, path: string, most = 1000): readonly string[] | null {
  const found = find(files.root + path, files.view);
  if (found.kind === "missing") return null;
  if (found.kind === "unreadable") return failed(files, path, found.why);
  try {
    const folder = opendirSync(pathOf(found.path).toString("latin1"), { encoding: "latin1" });
    try {
      const names: string[] = [];
      for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
        if (names.length >= most) return failed(files, path, "too many files");
        names.push(entry.name);
      }
      return names.sort();
    } finally {
      folder.closeSync();
    }
  } catch (error) {
    return failed(files, path, explain(codeOf(error)));
  }
}

export function exists(files: Files, path: string): boolean {
  return find(files.root + path, files.view).kind === "found";
}

/** Whether something is mounted right there. */
export function isMountPoint({ root, view }: Files, path: string): boolean {
  return mountOf(root + path, view.mounts)?.mountPoint === root + path;
}

function failed(files: Files, path: string, why: string): null {
  files.unreadable.push({ path: textOfBytes(path), why });
  return null;
}
