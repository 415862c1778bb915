import { sign } from "node:crypto";
import { type Address, formatAddress } from "@afterpatch/wire/address";
import { type ClientIdentity, controllerClient } from "@afterpatch/wire/credentials";
import { readmissionText } from "@afterpatch/wire/readmission";
import { certificateRequest, newKey } from "@afterpatch/wire/request";
import { CODE_KEY, call, type Rpc } from "@afterpatch/wire/rpc";
import { agentService, enrollService } from "@afterpatch/wire/services";
import { fitsHost } from "./fits.ts";
import type { Identity } from "./identity.ts";

type Pair = Pick<Identity, "cert" | "key">;

/** Longer than the controller's queue at its ports. */
const TIMEOUT_MS = 60_000;
/** Of the controller's enrol port, unless `init` was told another one; for hosts that an older version enrolled. */
const ENROL_PORT = 7444;

/** A new key with a certificate for it, asked for with the certificate of now. Rejects when there is none. */
export async function renewed(identity: Identity): Promise<Pair> {
  const key = newKey();
  const csr = await certificateRequest(key);
  const { certificate } = await ask(identity.fleetAddress, identity, agentService.renewHost, { csr });
  return checked(identity, certificate, key);
}

/** The same for a host whose certificate has ended; rejects with what it waits for. */
export async function readmitted(identity: Identity): Promise<Pair> {
  const { cert: certificate, ca, name } = identity;
  const address = identity.enrolAddress ?? { host: identity.fleetAddress.host, port: ENROL_PORT };
  const key = newKey();
  const csr = await certificateRequest(key);
  const signature = sign("sha256", readmissionText(csr), { key: identity.key, dsaEncoding: "der" });
  try {
    const answer = await ask(address, { ca }, enrollService.readmit, { certificate, csr, signature });
    return checked(identity, answer.certificate, key);
  } catch (error) {
    if (codeOf(error) !== "readmission-pending") throw error;
    const todo = `'afterpatch hosts readmit ${name}' approves of it`;
    const why =
      "this host's certificate has expired while it was away, or the controller was restored from an older copy";
    throw new Error(`${why}; ${todo}`, { cause: error });
  }
}

async function ask<Req, Res>(
  address: Address,
  identity: ClientIdentity,
  method: Rpc<Req, Res, false, false>,
  request: Req,
): Promise<Res> {
  const client = controllerClient(address, identity);
  try {
    return await call(client, method, request, TIMEOUT_MS);
  } finally {
    client.close();
  }
}

/** The controller is trusted, and its answer is still checked: what cannot work is not kept. */
function checked({ hostId, ca, fleetAddress }: Identity, cert: string, key: string): Pair {
  if (fitsHost(cert, hostId, ca, key)) return { cert, key };
  throw new Error(`the certificate that ${formatAddress(fleetAddress)} sent does not fit`);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error && "metadata" in error)) return "";
  const { metadata } = error as { metadata: { get(key: string): readonly unknown[] } }; // a grpc.ServiceError
  return String(metadata.get(CODE_KEY)[0] ?? "");
}
