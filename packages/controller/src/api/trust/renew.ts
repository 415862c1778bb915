import { type KeyObject, X509Certificate, verify } from "node:crypto";
import { certificates, leadsTo, spkiSha256 } from "@afterpatch/wire/pem";
import { readmissionText } from "@afterpatch/wire/readmission";
import { type Handlers, RpcError, unary } from "@afterpatch/wire/rpc";
import type { agentService, enrollService, trustService } from "@afterpatch/wire/services";
import { status } from "@grpc/grpc-js";
import type { Authority } from "../../ca/authority.ts";
import { publicKeyOfRequest } from "../../ca/csr.ts";
import { identityOf, peerOf } from "../../listen/peer.ts";
import type { Clock, Log } from "../../ports.ts";
import { GRACE_MS, type Operator } from "../../store/operators.ts";
import { type Renewals, TooManyRenewals } from "../../store/renewals.ts";

export interface RenewDeps {
  readonly renewals: Renewals;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly log: Log;
}

/** A certificate and the issuing CA's take 2 KiB. */
const MOST_PEM = 8 * 1024;

/** AgentService.RenewHost: for the host that calls. */
export function renewHost(deps: RenewDeps): Handlers<typeof agentService>["renewHost"] {
  return unary(async ({ csr }, call) => {
    const peer = peerOf(call);
    if (peer.kind !== "host") throw new Error("a caller that is no host passed the gate"); // the gate lets hosts in alone
    const certificate = await certifyHost(deps, peer.id, peer.serial, keyIn(csr), false);
    deps.log.info({ host: peer.id }, "host certificate renewed");
    return { certificate };
  });
}

/** TrustService.RenewOperator: for the operator who calls. */
export function renewOperator(deps: RenewDeps): Handlers<typeof trustService>["renewOperator"] {
  return unary(async ({ csr }, call) => {
    const peer = peerOf(call);
    if (peer.kind !== "operator") throw new Error("a caller that is no operator passed the gate"); // as above
    const holder = await deps.renewals.holder(peer.serial);
    if (holder?.kind !== "operator") throw notLetIn();
    return { certificate: await certifyOperator(deps, holder.operator, peer.serial, keyIn(csr)) };
  });
}

/** EnrollService.Readmit: the caller shows a certificate that has ended, and proves that its key is there. */
export function readmit(deps: RenewDeps): Handlers<typeof enrollService>["readmit"] {
  return unary(async ({ certificate, csr, signature }) => {
    const shown = shownCertificate(deps, certificate, csr, signature);
    const key = keyIn(csr);
    const known = await deps.renewals.holder(shown.serialNumber);
    const holder = known ?? (await forgotten(deps, shown));
    if (!holder) throw notLetIn();
    const now = deps.clock.now();
    const since = now - shown.validToDate.getTime();
    if (holder.kind === "operator") {
      if (since > GRACE_MS) {
        const why = "the certificate ended more than 14 days ago; ask an admin for a login token";
        throw new RpcError(status.FAILED_PRECONDITION, "expired", why);
      }
      return { certificate: await certifyOperator(deps, holder.operator, shown.serialNumber, key) };
    }
    if (known && since <= 0) return { certificate: await certifyHost(deps, holder.id, shown.serialNumber, key, false) };
    if (!(await deps.renewals.ask(holder.id, now))) {
      deps.log.warn({ host: holder.id, name: holder.name }, "host asks to be let in again");
      const what = known ? "its certificate has expired" : "its certificate is not in the store, which was restored";
      const why = `${what}, and nobody has approved of a new one`;
      throw new RpcError(status.FAILED_PRECONDITION, "readmission-pending", why);
    }
    const answer = { certificate: await certifyHost(deps, holder.id, shown.serialNumber, key, true) };
    deps.log.warn({ host: holder.id, name: holder.name }, "host let in again");
    return answer;
  });
}

/** Ours, by its signature, and unknown: a person decides, as of one that has ended. Operators log in anew. */
async function forgotten({ renewals }: RenewDeps, shown: X509Certificate) {
  const peer = identityOf(shown.raw);
  return peer?.kind === "host" ? renewals.forgottenHolder(peer.id, shown.serialNumber) : null;
}

async function certifyHost(deps: RenewDeps, hostId: string, shown: string, key: KeyObject, isReadmission: boolean) {
  const now = deps.clock.now();
  const certificate = await deps.authority.issueHost(hostId, key, now);
  const renewal = { hostId, shown, certificate, spkiSha256: spkiSha256(key), isReadmission, now };
  if (!(await deps.renewals.renewHost(renewal).catch(tooMany))) throw notLetIn();
  return certificate.pem;
}

function tooMany(error: unknown): never {
  if (!(error instanceof TooManyRenewals)) throw error;
  throw new RpcError(status.RESOURCE_EXHAUSTED, "too-many-renewals", "this host asks for certificates again and again");
}

async function certifyOperator(deps: RenewDeps, operator: Operator, shown: string, key: KeyObject): Promise<string> {
  if (operator.isMachine)
    throw new RpcError(status.FAILED_PRECONDITION, "machine", "a machine's certificate is not renewed; log in again");
  const now = deps.clock.now();
  const certificate = await deps.authority.issueOperator(operator, key, now);
  if (!(await deps.renewals.renewOperator(operator.name, shown, certificate, now))) throw notLetIn();
  deps.log.info({ operator: operator.name }, "operator certificate renewed");
  return certificate.pem;
}

/** One of ours whose key signed this request; anything else is refused with one and the same answer. */
function shownCertificate(deps: RenewDeps, pem: string, csr: Uint8Array, signature: Uint8Array): X509Certificate {
  try {
    const chain = pem.length <= MOST_PEM ? certificates(pem) : [];
    const [own] = chain;
    const isOurs = own !== undefined && leadsTo(chain, new X509Certificate(deps.authority.root));
    if (isOurs && verify("sha256", readmissionText(csr), { key: own.publicKey, dsaEncoding: "der" }, signature))
      return own;
  } catch {
    // broken PEM or DER: no certificate of ours, whatever else it is
  }
  throw notLetIn();
}

function keyIn(csr: Uint8Array): KeyObject {
  const key = publicKeyOfRequest(csr);
  if (!key) throw new RpcError(status.INVALID_ARGUMENT, "bad-request", "the certificate request is not acceptable");
  return key;
}

function notLetIn(): RpcError {
  return new RpcError(status.PERMISSION_DENIED, "revoked", "this certificate is not let in any more");
}
