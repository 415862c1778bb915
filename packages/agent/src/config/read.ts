import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { ConfigError } from "./error.ts";

const MOST_BYTES = 256 * 1024;
/** No device on any file system, so that a file which is not there equals only another that is not there. */
const ABSENT = "absent";

export interface ConfigText {
  /** Null where there is no such file. */
  readonly text: string | null;
  /** Another one as soon as the file was written, replaced, or given to somebody else. */
  readonly state: string;
}

/**
 * Text of the agent's file, which has to be a regular file of root that nobody else may write. What is checked is what
 * was opened, whatever its name leads to later. Throws ConfigError.
 */
export function readConfig(file: string, owner = 0): ConfigText {
  let fd: number;
  try {
    // Without O_NONBLOCK a FIFO would be waited for.
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { text: null, state: ABSENT };
    const isForbidden = codeOf(error) === "EACCES" || codeOf(error) === "EPERM";
    const what = WHY[codeOf(error)] ?? `cannot be opened (${codeOf(error)})`;
    const code = isForbidden ? "unreadable" : "invalid";
    throw new ConfigError(file, [{ line: null, key: "", what }], { cause: error, code });
  }
  try {
    const { mode, uid, dev, ino, size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
    if ((Number(mode) & constants.S_IFMT) !== constants.S_IFREG) throw wrong(file, "is not a regular file");
    if (Number(uid) !== owner) throw wrong(file, `belongs to uid ${uid}, and has to belong to root; chown root it`);
    if ((Number(mode) & 0o022) !== 0) {
      throw wrong(file, `others may write it (mode ${(Number(mode) & 0o7777).toString(8)}); chmod go-w it`);
    }
    const bytes = readAll(fd);
    if (bytes === null) throw wrong(file, `is larger than ${MOST_BYTES / 1024} kB`);
    return { text: decoded(file, bytes), state: [dev, ino, size, mtimeNs, ctimeNs, mode, uid].join(":") };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw wrong(file, `cannot be read (${codeOf(error)})`, error);
  } finally {
    closeSync(fd);
  }
}

/** What standard input is called where a file would be. */
export const STDIN = "standard input";

/** Text of standard input, for a file that is not in place yet. */
export function readStandardInput(): string {
  const bytes = readAll(0);
  if (bytes === null) throw wrong(STDIN, `is larger than ${MOST_BYTES / 1024} kB`);
  return decoded(STDIN, bytes);
}

const WHY: Readonly<Record<string, string>> = {
  ELOOP: "is a symbolic link, which is not followed; put the file itself there",
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
  ENOTDIR: "cannot be there: a part of the path is no directory",
  // A socket, or a device without a driver.
  ENXIO: "is not a regular file",
};

/** Null where there are more bytes than a file may have. */
function readAll(fd: number): Buffer | null {
  const bytes = Buffer.alloc(MOST_BYTES + 1);
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(fd, bytes, length, bytes.length - length, null);
    if (read === 0) return bytes.subarray(0, length);
    length += read;
  }
  return null;
}

function decoded(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const good = bytes.toString("utf8").split("\ufffd", 1)[0] ?? "";
    const line = good.split("\n").length;
    throw new ConfigError(file, [{ line, key: "", what: "is not UTF-8 text" }], { cause: error });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

function wrong(file: string, what: string, cause?: unknown): ConfigError {
  return new ConfigError(file, [{ line: null, key: "", what }], cause === undefined ? {} : { cause });
}
