import { createHash, type KeyObject } from "node:crypto";
import { badLabel, isHostName } from "@afterpatch/core/labels";
import { spkiSha256 } from "@afterpatch/wire/pem";
import { type Handlers, RpcError, unary } from "@afterpatch/wire/rpc";
import type { enrollService } from "@afterpatch/wire/services";
import { status } from "@grpc/grpc-js";
import type { Authority } from "../../ca/authority.ts";
import { publicKeyOfRequest } from "../../ca/csr.ts";
import type { Clock, Log } from "../../ports.ts";
import type { Application, Enrolment, HostRefusal, Refusal } from "../../store/enrolment.ts";
import type { TokenRefusal } from "../../store/tokens.ts";
import { ulid } from "../../ulid.ts";
import { refuseToken } from "./refusals.ts";

export interface EnrollDeps {
  readonly enrolment: Enrolment;
  readonly authority: Pick<Authority, "root" | "issueHost">;
  readonly clock: Pick<Clock, "now">;
  /** HOST:PORT of the fleet port, as agents are to dial it. */
  readonly fleetAddress: () => string;
  readonly log: Log;
}

const MAX_LABELS = 64;
/** An application is judged, signed and judged again; it is tried anew when the same key was enrolled in between. */
const ATTEMPTS = 3;

/** EnrollService.Enroll: a join token and a public key become a host with a certificate. */
export function enrollHandlers(deps: EnrollDeps): Pick<Handlers<typeof enrollService>, "enroll"> {
  return {
    enroll: unary(async (request) => {
      const { tokenId, tokenSecret, csr, name, labels, agentVersion } = request;
      const key = publicKeyOfRequest(csr);
      if (!key) throw new RpcError(status.INVALID_ARGUMENT, "bad-request", "the certificate request is not acceptable");
      if (!isHostName(name)) throw new RpcError(status.INVALID_ARGUMENT, "bad-name", "this is no host name");
      checkLabels(labels);
      const application: Application = {
        tokenId,
        secretSha256: createHash("sha256").update(tokenSecret).digest(),
        spkiSha256: spkiSha256(key),
        name,
        labels,
        agentVersion: agentVersion.slice(0, 64),
        now: deps.clock.now(),
      };
      const { hostId, certificate, granted } = await enrol(deps, application, key);
      deps.log.info({ host: hostId, name, token: tokenId }, "host enrolled");
      const ca = deps.authority.root;
      return { hostId, certificate, ca, fleetAddress: deps.fleetAddress(), labels: { ...granted } };
    }),
  };
}

interface Enrolled {
  readonly hostId: string;
  readonly certificate: string;
  readonly granted: Readonly<Record<string, string>>;
}

async function enrol({ enrolment, authority, log }: EnrollDeps, a: Application, key: KeyObject): Promise<Enrolled> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const checked = await enrolment.check(a);
    if (checked.kind !== "eligible") throw refuse(log, a, checked);
    const hostId = checked.hostId ?? ulid(a.now);
    const certificate = await authority.issueHost(hostId, key, a.now);
    const redeemed = await enrolment.redeem(a, hostId, certificate);
    if (redeemed.kind === "changed") continue;
    if (redeemed.kind !== "eligible") throw refuse(log, a, redeemed);
    return { hostId, certificate: certificate.pem, granted: redeemed.labels };
  }
  throw new RpcError(status.ABORTED, "busy", "this key is being enrolled by someone else");
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  const why =
    entries.length > MAX_LABELS
      ? `at most ${MAX_LABELS} labels`
      : entries.map(([key, value]) => badLabel(key, value)).find((problem) => problem !== null);
  if (why) throw new RpcError(status.INVALID_ARGUMENT, "bad-labels", why);
}

function refuse(log: Log, { tokenId, name }: Application, refusal: Refusal): RpcError {
  // An unknown token's id is a stranger's text.
  log.warn({ name, code: refusal.kind, ...(refusal.kind === "token-wrong" ? {} : { token: tokenId }) }, "host refused");
  return isOfToken(refusal) ? refuseToken(refusal) : new RpcError(statusOf(refusal), refusal.kind, explain(refusal));
}

function isOfToken(refusal: Refusal): refusal is TokenRefusal {
  return refusal.kind.startsWith("token-");
}

function statusOf(refusal: HostRefusal): status {
  switch (refusal.kind) {
    case "name-taken":
    case "key-taken":
      return status.ALREADY_EXISTS;
    case "labels-differ":
      return status.INVALID_ARGUMENT;
    case "revoked":
      return status.PERMISSION_DENIED;
  }
}

function explain(refusal: HostRefusal): string {
  switch (refusal.kind) {
    case "name-taken":
      return "another host has this name";
    case "key-taken":
      return `this host's key is enrolled as ${refusal.name}`;
    case "labels-differ":
      return `the token says ${refusal.key}=${refusal.token}, this host says ${refusal.key}=${refusal.agent}`;
    case "revoked":
      return "this host was revoked";
  }
}
