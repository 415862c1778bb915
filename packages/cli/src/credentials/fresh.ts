import { sign, X509Certificate } from "node:crypto";
import { type ClientIdentity, controllerClient } from "@afterpatch/wire/credentials";
import { readmissionText } from "@afterpatch/wire/readmission";
import { replaceKeyPair } from "@afterpatch/wire/key-pair";
import { call, type Rpc } from "@afterpatch/wire/rpc";
import { enrollService, trustService } from "@afterpatch/wire/services";
import type { Address } from "@afterpatch/wire/address";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Shell } from "../shell.ts";
import { type Credentials, OPERATOR_PAIR, readCredentials, refuseExpired } from "./read.ts";

export type { Credentials } from "./read.ts";

/** Renewed from this share of its life on: who works every day never sees it end. */
const RENEW_AT = 1 / 2;
const PATIENCE_MS = 10_000;
/** Another command renews at this moment; one that was killed meanwhile leaves its lock for so long. */
const LOCK = "renewing";
const LOCK_MS = 60_000;

/**
 * The operator's credentials, renewed where they are past the half of their life, or have ended within the days in which
 * the controller does that without an admin. One that holds and cannot be renewed now is used as it is.
 */
export async function freshCredentials(shell: Shell): Promise<Credentials> {
  const now = shell.now();
  const credentials = await readCredentials(shell.access, now);
  const { validFromDate, validToDate } = new X509Certificate(credentials.cert);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  if (now < from + (to - from) * RENEW_AT) return credentials;
  const hasEnded = now > to;
  // The token is what lives long, and a certificate that leaks ends soon.
  if (credentials.isMachine && hasEnded) refuseExpired(credentials, undefined);
  if (credentials.isMachine) return credentials;
  try {
    return await locked(credentials.directory, now, () => renewed(credentials, hasEnded));
  } catch (error) {
    if (hasEnded) refuseExpired(credentials, error);
    return credentials;
  }
}

async function renewed(credentials: Credentials, hasEnded: boolean): Promise<Credentials> {
  const { certificateRequest, newKey } = await import("@afterpatch/wire/request");
  const key = newKey();
  const csr = await certificateRequest(key);
  const { certificate: cert } = hasEnded
    ? await ask(credentials.enrolAddress, { ca: credentials.ca }, enrollService.readmit, {
        ...{ certificate: credentials.cert, csr },
        signature: sign("sha256", readmissionText(csr), { key: credentials.key, dsaEncoding: "der" }),
      })
    : await ask(credentials.address, credentials, trustService.renewOperator, { csr });
  await replaceKeyPair(credentials.directory, OPERATOR_PAIR, { cert, key });
  return { ...credentials, cert, key };
}

async function ask<Req, Res>(
  address: Address,
  identity: ClientIdentity,
  method: Rpc<Req, Res, false, false>,
  request: Req,
): Promise<Res> {
  const client = controllerClient(address, identity);
  try {
    return await call(client, method, request, PATIENCE_MS);
  } finally {
    client.close();
  }
}

/** One command renews, others use what there is: two at once would mix their keys and certificates. */
async function locked<T>(directory: string, now: number, work: () => Promise<T>): Promise<T> {
  const path = join(directory, LOCK);
  const since = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null, // nobody renews
  );
  if (since !== null && now - since > LOCK_MS) await rm(path, { force: true });
  // Fails where another command has it, or nothing can be written: before anything is asked for.
  await writeFile(path, "", { flag: "wx", mode: 0o600 });
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
