import { CommandError, fileReason, usageError } from "@afterpatch/core/command-error";

/** Writes to `path`; what the system refuses is said in words, with what may help. */
export async function writing<T>(path: string, write: (path: string) => Promise<T>): Promise<T> {
  try {
    return await write(path);
  } catch (error) {
    if (error instanceof CommandError || !isRefusal(error)) throw error;
    const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
    const why = isFull ? fileReason(error) : `cannot be written: ${fileReason(error)}`;
    throw usageError(path, why, isFull ? "free some space" : "check owner and mode, and what is there", {
      cause: error,
    });
  }
}

function isRefusal(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
