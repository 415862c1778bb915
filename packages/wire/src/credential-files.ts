import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** Replaces a file so that after a crash either the old or the new content is there, never a part. */
export async function writeFileDurably(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.new`;
  const file = await open(temporary, "wx", mode);
  try {
    await fill(file, content, mode);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined); // the first error is the one to report
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function fill(file: FileHandle, content: string, mode: number): Promise<void> {
  try {
    await file.chmod(mode); // whatever the umask says
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes renames and new names in a directory durable, see fsync(2). */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
