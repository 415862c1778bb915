import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { secretOf } from "./signature.ts";

const MOST_BYTES = 1_024;

/**
 * The secret in a file that nobody but its owner, the controller's user or root, may read. Throws CommandError that names the
 * file and never what is in it.
 */
export async function readSecret(path: string): Promise<Uint8Array> {
  const refused = (why: string, todo: string, cause?: unknown) => usageError(path, why, todo, { cause });
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY).catch(
    (error: unknown) => {
      throw refused(
        `secret cannot be read: ${fileReason(error)}`,
        "name a file that the controller's user may read",
        error,
      );
    },
  );
  try {
    const { mode, uid, size } = await file.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refused("secret is not a regular file", "name one");
    if (uid !== 0 && uid !== process.getuid?.())
      throw refused(`secret belongs to uid ${uid}`, "it has to belong to root or to the controller's user");
    // Its group may read it: a file of root's, for the controller's group.
    if ((mode & 0o037) !== 0) throw refused("others may read the secret, or write it", "chmod 0600 it, or 0640");
    const secret = size > MOST_BYTES ? null : secretOf(await file.readFile("utf8"));
    if (secret === null) throw refused("holds no secret", "make one: (printf whsec_; openssl rand -base64 32) > FILE");
    return secret;
  } finally {
    await file.close();
  }
}
