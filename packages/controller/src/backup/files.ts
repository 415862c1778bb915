import { open } from "node:fs/promises";

/** Readable by its owner alone, and on the disk when this returns. */
export async function synced(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.chmod(0o600);
    await file.sync();
  } finally {
    await file.close();
  }
}
