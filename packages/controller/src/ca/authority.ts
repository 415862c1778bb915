import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { writeFileDurably } from "@afterpatch/wire/credential-files";
import { certificates, pinOf } from "@afterpatch/wire/pem";
import type { Role } from "../store/operators.ts";
import { writing } from "../writing.ts";
import {
  type Issued,
  type Issuer,
  issueHost,
  issueOperator,
  issueRoot,
  issueServer,
  newKey,
  SERVER_MS,
} from "./issue.ts";

/** The controller's private CA. */
export interface Authority {
  /** PEM of the root. */
  readonly root: string;
  /** SHA-256 of the root's public key, as tokens carry it. */
  readonly pin: string;
  issueHost(id: string, key: KeyObject, now: number): Promise<Issued>;
  issueOperator(name: string, role: Role, key: KeyObject, now: number): Promise<Issued>;
}

/** The controller's own key and certificates, the root among them: agents compare it with their token before they trust. */
export interface ServerIdentity {
  readonly key: string;
  /** PEM, own certificate first. */
  readonly chain: string;
}

/** Makes a root in `directory`, which must be empty. */
export async function createAuthority(directory: string, now: number): Promise<Authority> {
  const key = newKey();
  await writeFileDurably(join(directory, "root.key"), key.pem);
  await writeFileDurably(join(directory, "root.crt"), (await issueRoot(key.pem, now)).pem);
  return loadAuthority(directory);
}

/** Reads the root. Throws CommandError when it is not there or does not fit its key. */
export async function loadAuthority(directory: string): Promise<Authority> {
  const issuer = await loadIssuer(directory);
  return {
    root: issuer.certificate.toString(),
    pin: pinOf(issuer.certificate),
    issueHost: (id, key, now) => issueHost(issuer, id, key, now),
    issueOperator: (name, role, key, now) => issueOperator(issuer, name, role, key, now),
  };
}

async function loadIssuer(directory: string): Promise<Issuer> {
  const certificate = await read(join(directory, "root.crt"), "certificate", (pem) => new X509Certificate(pem));
  const key = await read(join(directory, "root.key"), "private key", createPrivateKey);
  if (!certificate.checkPrivateKey(key)) throw unreadable(directory, new Error("root.key is not the key of root.crt"));
  return { certificate, key };
}

async function read<T>(path: string, kind: string, parse: (pem: Buffer) => T): Promise<T> {
  const pem = await readFile(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    return parse(pem);
  } catch (cause) {
    throw unreadable(path, new Error(`it holds no PEM ${kind}`, { cause }));
  }
}

/**
 * The controller's own certificate for `names`; a new one is written first when there is none, when less than a third of
 * its life is left, or when it names something else. One file, so that key and certificate always fit.
 */
export async function serverIdentity(
  directory: string,
  names: readonly string[],
  now: number,
): Promise<ServerIdentity> {
  const path = join(directory, "server.pem");
  const issuer = await loadIssuer(directory);
  const present = await readServer(path);
  if (present && isGood(present, issuer.certificate, names, now)) return present;
  const key = newKey();
  const { pem } = await issueServer(issuer, names, key.publicKey, now);
  const chain = `${pem}${issuer.certificate.toString()}`;
  await writing(path, () => writeFileDurably(path, `${key.pem}${chain}`));
  return { key: key.pem, chain };
}

async function readServer(path: string): Promise<ServerIdentity | null> {
  const content = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw unreadable(path, error);
  });
  const at = content?.indexOf("-----BEGIN CERTIFICATE-----") ?? -1;
  return content === null || at < 0 ? null : { key: content.slice(0, at), chain: content.slice(at) };
}

function isGood({ key, chain }: ServerIdentity, root: X509Certificate, names: readonly string[], now: number): boolean {
  try {
    const [own] = certificates(chain);
    if (!own?.checkPrivateKey(createPrivateKey(key)) || !own.verify(root.publicKey)) return false;
    const left = own.validToDate.getTime() - now;
    return left > SERVER_MS / 3 && names.every((name) => own.checkHost(name) ?? own.checkIP(name));
  } catch {
    return false; // a damaged file is replaced like an old one
  }
}

function unreadable(path: string, error: unknown): Error {
  return usageError(path, `CA cannot be read: ${fileReason(error)}`, "restore it, or check owner and mode", {
    cause: error,
  });
}
