import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileReason, usageError } from "@afterpatch/core/command-error";

export const MANIFEST = "manifest.json";

/** What a backup holds. */
export interface Manifest {
  readonly schema: "afterpatch.backup/v1";
  readonly madeAt: string;
  readonly controllerVersion: string;
  /** Of the store. */
  readonly storeVersion: number;
  readonly epoch: number;
  readonly hosts: number;
  /** `SEQ:SHA256`. */
  readonly auditHead: string;
  /** SHA-256 of each file, hex, by its name in the backup. */
  readonly files: Readonly<Record<string, string>>;
}

/** Throws CommandError when it is no backup, or a file of it is not as it was written. */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw usageError(path, `cannot be read: ${fileReason(cause)}`, "name the directory that 'backup' made", { cause });
  });
  const manifest = parsed(text);
  if (!manifest) throw usageError(path, "is no manifest of a backup", "name the directory that 'backup' made");
  for (const [name, expected] of Object.entries(manifest.files)) {
    const file = join(directory, name);
    const found = await digestOf(file).catch((cause: unknown) => {
      throw usageError(file, `cannot be read: ${fileReason(cause)}`, "take another backup", { cause });
    });
    if (found !== expected)
      throw usageError(file, "is not as it was written: its SHA-256 differs", "take another backup");
  }
  return manifest;
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Files of a backup, `ca/root.crt` among them: nothing outside of it. */
const NAME = /^(?:ca\/)?[a-z]+\.[a-z]+$/;

function parsed(text: string): Manifest | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("files" in value) || !("schema" in value)) return null;
    const { files } = value;
    if (value.schema !== "afterpatch.backup/v1" || typeof files !== "object" || files === null) return null;
    const isWhole = Object.entries(files).every(([name, sum]) => NAME.test(name) && typeof sum === "string");
    return isWhole && "controller.db" in files ? (value as Manifest) : null; // what else it says is shown, not obeyed
  } catch {
    return null; // no JSON
  }
}
