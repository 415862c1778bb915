import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Address, parseAddress } from "@afterpatch/wire/address";
import { type PairNames, readKeyPair } from "@afterpatch/wire/key-pair";
import { certificates, leadsTo } from "@afterpatch/wire/pem";
import { type CommandError, fileReason, usageError } from "@afterpatch/core/command-error";
import { echoed } from "@afterpatch/core/text";
import type { Access } from "../shell.ts";

/** An operator's identity and the controller it is for. PEM texts. */
export interface Credentials {
  /** Where they were read, for people. */
  readonly directory: string;
  readonly address: Address;
  /** Of the enrol port, where a certificate that has ended is made good. */
  readonly enrolAddress: Address;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** A program's: its certificate is not renewed. */
  readonly isMachine: boolean;
}

export const GET_NEW = "ask an admin for a login token";

/** A certificate takes 2 KiB. */
const LARGEST_BYTES = 1024 * 1024;

/** Of `init`, unless it was told another one. */
export const ENROL_PORT = 7444;

/** Stands beside a machine's certificate. */
export const MACHINE = "machine";
const LOG_IN_AGAIN =
  "log in again with the machine's token: 'afterpatch login ENROL-ADDRESS --token-file FILE --replace'";

export const OPERATOR_PAIR: PairNames = { cert: "operator.crt", key: "operator.key" };

/**
 * Reads and checks a credentials directory: `ca.crt`, `operator.crt`, `operator.key`, `controller`, `enrol`. That the
 * operator's certificate has ended is left to the caller.
 */
export async function readCredentials(access: Access, now: number): Promise<Credentials> {
  const directory = access.credentials;
  const ca = await read(directory, "ca.crt");
  const { cert, key } = await readKeyPair((name) => read(directory, name), OPERATOR_PAIR);
  const roots = certificatesIn(join(directory, "ca.crt"), ca);
  for (const root of roots) checkDates(join(directory, "ca.crt"), root, now);
  const chain = certificatesIn(join(directory, "operator.crt"), cert);
  const [operator] = chain;
  checkBegun(join(directory, "operator.crt"), operator, now);
  const privateKey = keyIn(join(directory, "operator.key"), key);
  if (!operator.checkPrivateKey(privateKey)) {
    throw usageError("credentials", `operator.key in ${directory} does not belong to operator.crt`, GET_NEW);
  }
  if (!roots.some((root) => leadsTo(chain, root))) {
    const why = `operator.crt in ${directory} was not issued by ca.crt beside it: they are of two controllers`;
    throw usageError("credentials", why, GET_NEW);
  }
  const address = await addressOf(access);
  const enrolAddress = await enrolAddressOf(directory, address);
  const isMachine = await stat(join(directory, MACHINE)).then(
    () => true,
    () => false, // a person's, or of an older version
  );
  return { directory, address, enrolAddress, ca, cert, key, isMachine };
}

async function addressOf(access: Access): Promise<Address> {
  const text = access.controller ?? (await read(access.credentials, "controller")).trim();
  const address = parseAddress(text);
  if (address) return address;
  const where = access.controller === null ? join(access.credentials, "controller") : "address of the controller";
  throw usageError(
    where,
    text === "" ? "is empty" : `${echoed(text)} is no address`,
    "write HOST:PORT, such as ctl.example.net:7443",
  );
}

/** Older directories do not say it. */
async function enrolAddressOf(directory: string, { host }: Address): Promise<Address> {
  const text = await read(directory, "enrol").catch(() => "");
  return parseAddress(text.trim()) ?? { host, port: ENROL_PORT };
}

/** The certificate has ended, and no other was to be had: why. */
export function refuseExpired({ directory, cert, isMachine }: Credentials, cause: unknown): never {
  const [own] = certificatesIn(join(directory, "operator.crt"), cert);
  const error = usageError(
    "credentials",
    `${join(directory, "operator.crt")} expired on ${own.validToDate.toISOString()}`,
    isMachine ? LOG_IN_AGAIN : GET_NEW,
  );
  error.cause = cause;
  throw error;
}

async function read(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  try {
    // Before it is opened: a pipe would wait for a writer, a device has no end.
    const found = await stat(path);
    if (!found.isFile()) throw new Error("it is no file");
    if (found.size > LARGEST_BYTES) throw new Error("it is larger than 1 MiB");
    return await readFile(path, "utf8");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = isMissing ? `${path} does not exist` : `cannot read ${path}: ${fileReason(error)}`;
    throw unreadable(name, why, error);
  }
}

function unreadable(name: string, why: string, cause: unknown): CommandError {
  const todo =
    name === "controller"
      ? "name the controller with --controller HOST:PORT or AFTERPATCH_CONTROLLER"
      : "log in ('afterpatch login HOST --token-file FILE'), or name the directory with --credentials DIR or AFTERPATCH_CREDENTIALS";
  const error = usageError("credentials", why, todo);
  error.cause = cause;
  return error;
}

function certificatesIn(path: string, pem: string): readonly [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...others] = certificates(pem);
    if (first) return [first, ...others];
  } catch {
    // A broken certificate is no certificate: the message below is all there is to say.
  }
  throw usageError("credentials", `${path} holds no PEM certificate`, GET_NEW);
}

function keyIn(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const error = usageError("credentials", `${path} holds no PEM private key`, GET_NEW);
    error.cause = cause;
    throw error;
  }
}

function checkDates(path: string, certificate: X509Certificate, now: number): void {
  const to = certificate.validToDate;
  if (now > to.getTime()) throw usageError("credentials", `${path} expired on ${to.toISOString()}`, GET_NEW);
  checkBegun(path, certificate, now);
}

function checkBegun(path: string, certificate: X509Certificate, now: number): void {
  const from = certificate.validFromDate;
  if (now < from.getTime()) {
    throw usageError("credentials", `${path} is valid from ${from.toISOString()} only`, "check this machine's clock");
  }
}
