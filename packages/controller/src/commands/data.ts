import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileReason, usageError } from "@afterpatch/core/command-error";

/** Throws CommandError where no controller was initialised. */
export async function checkData(dataDir: string): Promise<void> {
  try {
    await stat(join(dataDir, "ca"));
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing) throw usageError(dataDir, "no controller here", "run 'afterpatch-controller init' first");
    throw usageError(
      dataDir,
      `cannot be read: ${fileReason(error)}`,
      "name the directory that 'init' made, and run as its owner",
    );
  }
}
