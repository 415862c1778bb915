import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { chown, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { writeFileDurably } from "@afterpatch/wire/credential-files";
import { certificates, isIssuedBy, leadsTo, pinOf } from "@afterpatch/wire/pem";
import { writing } from "../writing.ts";
import {
  type Certified,
  type Issued,
  type Issuer,
  ISSUING_MS,
  issueHost,
  issueIssuing,
  issueOperator,
  issueRoot,
  issueServer,
  issuesItself,
  newKey,
  SERVER_MS,
} from "./issue.ts";

/** The controller's private CA. */
export interface Authority {
  /** PEM of the root. */
  readonly root: string;
  /** SHA-256 of the root's public key, as tokens carry it. */
  readonly pin: string;
  /** PEM of the CA that issues now; the root itself where an older version made the directory. */
  issuing(): string;
  issueHost(id: string, key: KeyObject, now: number): Promise<Issued>;
  issueOperator(who: Certified, key: KeyObject, now: number): Promise<Issued>;
  /** Makes the issuing CA anew when less than a third of its life is left and the root's key is there. */
  refresh(now: number): Promise<Refreshed>;
}

export type Refreshed =
  | { readonly kind: "fresh" }
  /** Another one issues, by us or by `ca-renew`. */
  | { readonly kind: "renewed"; readonly serial: string; readonly notAfter: number }
  /** Its end is near, and the root's key is kept elsewhere. */
  | { readonly kind: "ends"; readonly notAfter: number };

/** The controller's own key and certificates, the root among them: agents compare it with their token before they trust. */
export interface ServerIdentity {
  readonly key: string;
  /** PEM, own certificate first. */
  readonly chain: string;
}

/** Makes a root and an issuing CA in `directory`, which must be empty. */
export async function createAuthority(directory: string, now: number): Promise<Authority> {
  const key = newKey();
  await writeFileDurably(join(directory, "root.key"), key.pem);
  await writeFileDurably(join(directory, "root.crt"), (await issueRoot(key.pem, now)).pem);
  await renewIssuing(directory, join(directory, "root.key"), now);
  return loadAuthority(directory);
}

/**
 * Makes a new issuing CA, signed with the root's key at `rootKey`. Agents and operators know the root alone: nothing else
 * of the fleet changes. Throws CommandError.
 */
export async function renewIssuing(directory: string, rootKey: string, now: number): Promise<void> {
  const root = await loadRoot(directory, rootKey);
  const key = newKey();
  const { pem } = await issueIssuing(root, key.publicKey, now);
  const path = join(directory, ISSUING);
  // One file, so that key and certificate always fit.
  await writing(path, () => writeFileDurably(path, `${key.pem}${pem}`));
  const { uid, gid } = await stat(directory);
  if (process.getuid?.() === 0) await chown(path, uid, gid); // root renews it for the controller's user
}

const ISSUING = "issuing.pem";

/** Reads the CA. Throws CommandError when it is not there or does not fit its key. */
export async function loadAuthority(directory: string): Promise<Authority> {
  const root = await readRoot(directory);
  let issuer = await loadIssuer(directory);
  return {
    root: root.toString(),
    pin: pinOf(root),
    issuing: () => issuer.certificate.toString(),
    issueHost: (id, key, now) => issueHost(issuer, id, key, now),
    issueOperator: (who, key, now) => issueOperator(issuer, who, key, now),
    async refresh(now) {
      const before = issuer.certificate.serialNumber;
      issuer = await loadIssuer(directory); // `ca-renew` may have made another
      if (issuer.certificate.serialNumber !== before) return renewed(issuer);
      const notAfter = issuer.certificate.validToDate.getTime();
      if (issuer.chain === "" || notAfter - now > ISSUING_MS / 3) return { kind: "fresh" };
      const rootKey = join(directory, "root.key");
      if (!(await isThere(rootKey))) return { kind: "ends", notAfter };
      await renewIssuing(directory, rootKey, now);
      issuer = await loadIssuer(directory);
      return renewed(issuer);
    },
  };
}

function renewed({ certificate }: Issuer): Refreshed {
  return { kind: "renewed", serial: certificate.serialNumber, notAfter: certificate.validToDate.getTime() };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw unreadable(path, error);
    },
  );
}

function readRoot(directory: string): Promise<X509Certificate> {
  return read(join(directory, "root.crt"), "certificate", (pem) => new X509Certificate(pem));
}

async function loadRoot(directory: string, rootKey: string): Promise<Issuer> {
  const certificate = await readRoot(directory);
  if (!(await isThere(rootKey))) {
    const todo = "name the file where it is kept with --root-key FILE";
    throw usageError(rootKey, "the root's private key is not there", todo);
  }
  const key = await read(rootKey, "private key", createPrivateKey);
  if (!certificate.checkPrivateKey(key))
    throw unreadable(directory, new Error(`${rootKey} is not the key of root.crt`));
  return { certificate, key, chain: "" };
}

/** Directories that an older version made have no issuing CA: their root issues itself, and may have none below it. */
async function loadIssuer(directory: string): Promise<Issuer> {
  const path = join(directory, ISSUING);
  const root = await readRoot(directory);
  if (issuesItself(root)) return loadRoot(directory, join(directory, "root.key"));
  const certificate = await read(path, "certificate", (pem) => new X509Certificate(pem));
  const key = await read(path, "private key", createPrivateKey);
  if (!certificate.checkPrivateKey(key)) throw unreadable(path, new Error("its key is not that of its certificate"));
  if (!isIssuedBy(certificate, root)) throw unreadable(path, new Error("it was not issued by root.crt beside it"));
  return { certificate, key, chain: certificate.toString() };
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
  const [root, issuer] = [await readRoot(directory), await loadIssuer(directory)];
  const present = await readServer(path);
  if (present && isGood(present, root, issuer, names, now)) return present;
  const key = newKey();
  const { pem } = await issueServer(issuer, names, key.publicKey, now);
  const chain = `${pem}${root.toString()}`;
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

function isGood(
  { key, chain }: ServerIdentity,
  root: X509Certificate,
  issuer: Issuer,
  names: readonly string[],
  now: number,
): boolean {
  try {
    const all = certificates(chain);
    const [own] = all;
    if (!own?.checkPrivateKey(createPrivateKey(key)) || !leadsTo(all, root)) return false;
    if (!isIssuedBy(own, issuer.certificate)) return false; // of the issuing CA before
    const left = own.validToDate.getTime() - now;
    // One that ends with its issuer cannot be bettered.
    const isLong = left > SERVER_MS / 3 || (left > 0 && own.validToDate >= issuer.certificate.validToDate);
    return isLong && names.every((name) => own.checkHost(name) ?? own.checkIP(name));
  } catch {
    return false; // a damaged file is replaced like an old one
  }
}

function unreadable(path: string, error: unknown): Error {
  return usageError(path, `CA cannot be read: ${fileReason(error)}`, "restore it, or check owner and mode", {
    cause: error,
  });
}
