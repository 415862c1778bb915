import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory, writeFileDurably } from "./credential-files.ts";

/** Names of two files in one directory. */
export interface PairNames {
  readonly cert: string;
  readonly key: string;
}

export interface KeyPair {
  /** PEM, the issuing CA's after it. */
  readonly cert: string;
  readonly key: string;
}

/** A new key until it is in place. */
const next = (key: string): string => `${key}.next`;

/**
 * Replaces both so that after a crash at any moment `readKeyPair` finds the old pair or the new one: the new key first,
 * under another name; the certificate, which tells which key it needs; then the key's own name.
 */
export async function replaceKeyPair(directory: string, names: PairNames, pair: KeyPair): Promise<void> {
  await finish(directory, names);
  await writeFileDurably(join(directory, next(names.key)), pair.key);
  await writeFileDurably(join(directory, names.cert), pair.cert);
  await rename(join(directory, next(names.key)), join(directory, names.key));
  await syncDirectory(directory);
}

/** A crash may have left the key that fits under its other name: that name is needed now. */
async function finish(directory: string, names: PairNames): Promise<void> {
  const text = (name: string) => readFile(join(directory, name), "utf8").catch(() => ""); // none, or none that can be lost
  const [cert, key, other] = [await text(names.cert), await text(names.key), await text(next(names.key))];
  if (fits(cert, key) || !fits(cert, other)) return;
  await rename(join(directory, next(names.key)), join(directory, names.key));
  await syncDirectory(directory);
}

/** The pair that fits. `read` reads a file of the directory, and says what is wrong with it in its own way. */
export async function readKeyPair(read: (name: string) => Promise<string>, names: PairNames): Promise<KeyPair> {
  const [cert, key] = [await read(names.cert), await read(names.key)];
  if (fits(cert, key)) return { cert, key };
  const other = await read(next(names.key)).catch(() => null); // none was on its way: the two do not fit, which the caller tells
  return { cert, key: other !== null && fits(cert, other) ? other : key };
}

function fits(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false; // broken: the caller judges each
  }
}
