import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { visible } from "@afterpatch/core/text";

const MOST_BYTES = 4096;
const LONGEST_REASON = 200;

/** Why nothing may be done while the deny file exists, or null. Whatever is in its place denies, and so does not knowing. */
export function denied(file: string): string | null {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    // A directory on the way that is not there either.
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    return `${file} exists or cannot be looked at (${code}), and while it exists nothing is done`;
  }
  try {
    const reason = fstatSync(fd).isFile() ? firstLine(fd) : "";
    return reason === "" ? `${file} exists` : `${file} exists: ${reason}`;
  } finally {
    closeSync(fd);
  }
}

/** Escaped and bounded: it is shown here and to operators. */
function firstLine(fd: number): string {
  const bytes = Buffer.alloc(MOST_BYTES);
  let length = 0;
  try {
    length = readSync(fd, bytes, 0, bytes.length, 0);
  } catch (error) {
    return `its reason cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "unknown error"})`;
  }
  const line = visible((bytes.toString("utf8", 0, length).split("\n", 1)[0] ?? "").trim());
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON).toWellFormed()}...` : line;
}
