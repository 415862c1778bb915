import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { type Mistake, mistakeLine } from "@afterpatch/config/mistake";
import { type CommandError, fileReason, usageError } from "@afterpatch/core/command-error";
import { DEFAULT_CONFIG, type FromFile } from "./config.ts";

export const DEFAULT_FILE = "/etc/afterpatch/controller.yaml";

const MOST_BYTES = 256 * 1024;
const NOTHING: FromFile = {
  listen: undefined,
  ports: { fleet: undefined, enrol: undefined, http: undefined },
  hooksDir: undefined,
  config: DEFAULT_CONFIG,
};

export type Read =
  | { readonly kind: "file"; readonly file: string; readonly from: FromFile }
  /** There is no file, and none was named: the defaults hold. */
  | { readonly kind: "absent"; readonly file: string; readonly from: FromFile }
  | { readonly kind: "invalid"; readonly file: string; readonly mistakes: readonly Mistake[] };

/** The controller's file, or the one that was named, which has to be there. Throws CommandError where it cannot be read. */
export async function readControllerFile(named: string | undefined): Promise<Read> {
  const file = named ?? DEFAULT_FILE;
  const text = textOf(file, named !== undefined);
  if (text === null) return { kind: "absent", file, from: NOTHING };
  // The parser is loaded only where there is a file.
  const { parseControllerFile } = await import("./parse.ts");
  const parsed = parseControllerFile(text);
  return parsed.kind === "file"
    ? { kind: "file", file, from: parsed.file }
    : { kind: "invalid", file, mistakes: parsed.mistakes };
}

/** For a command that runs by it. */
export async function configured(named: string | undefined): Promise<FromFile> {
  const read = await readControllerFile(named);
  if (read.kind === "invalid") throw mistaken(read.file, read.mistakes);
  await checkSecrets(read.from);
  return read.from;
}

/** Throws CommandError where a secret cannot be used. */
export async function checkSecrets({ config }: FromFile): Promise<void> {
  const files = config.webhooks.flatMap(({ secretFiles }) => secretFiles);
  if (files.length === 0) return;
  const { readSecret } = await import("../webhooks/secrets.ts");
  for (const file of files) await readSecret(file);
}

function mistaken(file: string, mistakes: readonly Mistake[]): CommandError {
  const [first] = mistakes;
  const place = first?.line == null ? file : `${file}:${first.line}`;
  const what = first === undefined ? "is invalid" : mistakeLine("", { ...first, line: null }).replace(/^: /, "");
  const more = mistakes.length > 1 ? ` (and ${mistakes.length - 1} more)` : "";
  return usageError(place, `${what}${more}`, "'afterpatch-controller check-config' tells all that is wrong in it");
}

/** Null where there is no such file. What is checked is what was opened, whatever its name leads to later. */
function textOf(file: string, isNamed: boolean): string | null {
  const refused = (why: string, todo: string, cause?: unknown) => usageError(file, why, todo, { cause });
  let fd: number;
  try {
    // Without O_NONBLOCK a FIFO would be waited for.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing && !isNamed) return null;
    throw refused(`cannot be read: ${fileReason(error)}`, "name a file that this user may read", error);
  }
  try {
    const { mode, uid, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refused("is not a regular file", "name one");
    if (uid !== 0 && uid !== process.getuid?.())
      throw refused(`belongs to uid ${uid}`, "it has to belong to root or to the controller's user");
    if ((mode & 0o022) !== 0) throw refused("others may write it", "chmod go-w it");
    if (size > MOST_BYTES) throw refused(`is larger than ${MOST_BYTES / 1024} kB`, "make it shorter");
    return decoded(readFileSync(fd), refused);
  } finally {
    closeSync(fd);
  }
}

function decoded(bytes: Buffer, refused: (why: string, todo: string, cause: unknown) => CommandError): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw refused("is not UTF-8 text", "write it anew", error);
  }
}
