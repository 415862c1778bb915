import { createPrivateKey } from "node:crypto";
import { stat } from "node:fs/promises";
import { visible } from "@afterpatch/core/text";
import { type Address, formatAddress, parseAddress } from "@afterpatch/wire/address";
import { controllerClient } from "@afterpatch/wire/credentials";
import type { pb } from "@afterpatch/wire/messages";
import { CODE_KEY, call } from "@afterpatch/wire/rpc";
import { enrollService } from "@afterpatch/wire/services";
import type { JoinToken } from "@afterpatch/wire/token";
import * as grpc from "@grpc/grpc-js";
import { type Identity, identityDirectory, loadIdentity } from "../identity/identity.ts";
import { keepPendingKey, makeStateDirectory, pendingKey, saveIdentity } from "../identity/save.ts";
import { EnrollError } from "./error.ts";
import { certificateRequest, newKey } from "@afterpatch/wire/request";
import { fitsHost } from "../identity/fits.ts";
import { TrustError, trustedRoot, unreachable } from "@afterpatch/wire/trusted-root";

export interface EnrollOptions {
  /** The controller's enrol port. */
  readonly controller: Address;
  readonly token: JoinToken;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stateDir: string;
  readonly agentVersion: string;
  readonly now: () => number;
}

/** Longer than the controller's queue at the enrol port. */
const TIMEOUT_MS = 45_000;

/** Joins this host to a controller. Throws EnrollError; a second try with the same state directory is safe. */
export async function enroll(options: EnrollOptions): Promise<Identity> {
  const { controller, token, stateDir, now } = options;
  await refuseEnrolled(stateDir);
  refuseExpired(token, now());
  const ca = await trustedRoot(controller, token.pin, now(), TIMEOUT_MS).catch((error: unknown) => {
    throw distrusted(error);
  });
  const key = await keyIn(stateDir);
  const answer = await apply(options, ca, key);
  const identity = checked(options, answer, ca, key);
  await saveIdentity(stateDir, identity).catch((error: unknown) => {
    throw stateDirError(stateDir, error);
  });
  return identity;
}

async function refuseEnrolled(stateDir: string): Promise<void> {
  const directory = identityDirectory(stateDir);
  const isThere = await stat(directory).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw stateDirError(stateDir, error);
    },
  );
  if (!isThere) return;
  const as = await loadIdentity(stateDir).then(
    ({ name, fleetAddress }) => `as ${name} at ${formatAddress(fleetAddress)}`,
    () => "but its identity cannot be read", // the way out is the same
  );
  const todo = `remove ${directory} to enroll it anew`;
  throw new EnrollError("enrolled", stateDir, `this host is already enrolled ${as}`, todo);
}

function refuseExpired({ expiresAt }: JoinToken, now: number): void {
  if (now < expiresAt) return;
  const [end, clock] = [new Date(expiresAt).toISOString(), new Date(now).toISOString()];
  const todo = "make a new one with 'afterpatch token create', or correct the clock";
  throw new EnrollError("token-expired", "token", `it expired at ${end}, this host's clock says ${clock}`, todo);
}

/** The key of an unfinished enrolment, else a new one; on the disk before it is used. */
async function keyIn(stateDir: string): Promise<string> {
  try {
    await makeStateDirectory(stateDir);
    const pending = await pendingKey(stateDir);
    if (pending !== null && isKey(pending)) return pending;
    const key = newKey();
    await keepPendingKey(stateDir, key);
    return key;
  } catch (error) {
    throw stateDirError(stateDir, error);
  }
}

function isKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === "prime256v1";
  } catch {
    return false; // damaged: a new one takes its place
  }
}

type Answer = pb.v1.EnrollResponse;

async function apply(options: EnrollOptions, ca: string, key: string): Promise<Answer> {
  const { controller, token, name, labels, agentVersion } = options;
  const csr = await certificateRequest(key);
  const client = controllerClient(controller, { ca });
  try {
    const request = { tokenId: token.id, tokenSecret: token.secret, csr, name, labels: { ...labels }, agentVersion };
    return await call(client, enrollService.enroll, request, TIMEOUT_MS);
  } catch (error) {
    throw refusal(options, error);
  } finally {
    client.close();
  }
}

// What to do about a refusal, by the controller's code.
const REMEDIES: Readonly<Record<string, string>> = {
  "token-wrong": "make a new one with 'afterpatch token create'",
  "token-burnt": "make a new one with 'afterpatch token create'",
  "token-revoked": "make a new one with 'afterpatch token create'",
  "token-of-others": "make one for hosts with 'afterpatch token create'",
  "token-expired": "make a new one with 'afterpatch token create'",
  "token-used": "make a new one with 'afterpatch token create', or with more --uses",
  "name-taken": "give another with --name, or revoke that host first",
  "key-taken": "enroll it under that name, or remove the state directory",
  "labels-differ": "give the same value, or leave the label to the token",
  "bad-name": "give another with --name",
  "bad-labels": "correct --label",
};

function distrusted<T>(error: T): T | EnrollError {
  if (!(error instanceof TrustError)) return error;
  const { code, what, why, todo } = error;
  return new EnrollError(code, what, why, todo, { cause: error });
}

function refusal({ controller, name }: EnrollOptions, error: unknown): unknown {
  if (!isServiceError(error)) throw error;
  const { UNAVAILABLE, DEADLINE_EXCEEDED, UNIMPLEMENTED } = grpc.status;
  if (error.code === UNAVAILABLE || error.code === DEADLINE_EXCEEDED)
    return distrusted(unreachable(controller, new Error(error.details)));
  const where = formatAddress(controller);
  if (error.code === UNIMPLEMENTED) {
    return new EnrollError("refused", where, "not an enrol port", "give the controller's, 7444 by default");
  }
  const reason = String(error.metadata.get(CODE_KEY)[0] ?? "");
  const todo = REMEDIES[reason] ?? "ask the controller's operator";
  const why = `enrolment of ${name} refused: ${visible(error.details)}`;
  return new EnrollError("refused", where, why, todo, { cause: error });
}

function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && "details" in error && "metadata" in error;
}

/** The controller is trusted, and its answer is still checked: an identity that cannot work is not kept. */
function checked({ controller, name, labels }: EnrollOptions, answer: Answer, ca: string, key: string): Identity {
  const fleetAddress = parseAddress(answer.fleetAddress);
  if (!fleetAddress || !fitsHost(answer.certificate, answer.hostId, ca, key)) {
    const where = formatAddress(controller);
    throw new EnrollError("bad-answer", where, "the certificate it sent does not fit", "ask the controller's operator");
  }
  const granted = { ...labels, ...answer.labels };
  const { hostId, certificate: cert } = answer;
  return { hostId, name, labels: granted, fleetAddress, enrolAddress: controller, ca, cert, key };
}

function stateDirError(stateDir: string, cause: unknown): EnrollError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const todo = "make it writable for this user, or give another with --state-dir";
  return new EnrollError("state-dir", stateDir, `state cannot be kept: ${why}`, todo, { cause });
}
