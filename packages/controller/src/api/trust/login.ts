import { createHash } from "node:crypto";
import { formatDuration } from "@afterpatch/core/duration";
import { type Handlers, RpcError, unary } from "@afterpatch/wire/rpc";
import type { enrollService } from "@afterpatch/wire/services";
import { status } from "@grpc/grpc-js";
import type { Authority } from "../../ca/authority.ts";
import { publicKeyOfRequest } from "../../ca/csr.ts";
import type { Peer } from "../../listen/peer.ts";
import type { Clock, Log } from "../../ports.ts";
import type { Operator, Operators } from "../../store/operators.ts";
import type { TokenRefusal } from "../../store/tokens.ts";
import { refused } from "../refuse.ts";
import { refuseToken } from "./refusals.ts";

export interface LoginDeps {
  readonly operators: Pick<Operators, "check" | "redeem">;
  readonly authority: Authority;
  readonly clock: Pick<Clock, "now">;
  readonly fleetAddress: () => string;
  readonly cut: (isMeant: (peer: Peer) => boolean) => void;
  readonly log: Log;
}

/** EnrollService.Login: a login token and a public key become an operator's certificate. */
export function login(deps: LoginDeps): Handlers<typeof enrollService>["login"] {
  const { operators, authority, log } = deps;
  return unary(async ({ tokenId, tokenSecret, csr, lifeMs }) => {
    const key = publicKeyOfRequest(csr);
    if (!key) throw new RpcError(status.INVALID_ARGUMENT, "bad-request", "the certificate request is not acceptable");
    const now = deps.clock.now();
    const shown = { tokenId, secretSha256: createHash("sha256").update(tokenSecret).digest(), now };
    const checked = await operators.check(shown);
    if ("kind" in checked) throw refuse(log, checked);
    const certificate = await authority.issueOperator({ ...checked, lifeMs: lifeOf(checked, lifeMs) }, key, now);
    const operator = await operators.redeem(shown, certificate);
    if ("kind" in operator) throw refuse(log, operator);
    const { name, role, isMachine: machine } = operator;
    if (machine) log.info({ operator: name, token: tokenId }, "machine logged in");
    else {
      deps.cut((peer) => peer.kind === "operator" && peer.name === name && peer.serial !== certificate.serial);
      log.warn({ operator: name, token: tokenId }, "operator logged in");
    }
    return { name, role, certificate: certificate.pem, ca: authority.root, fleetAddress: deps.fleetAddress(), machine };
  });
}

const SHORTEST_MS = 60_000;

/** What a machine asks for, within what its admin allowed; a person's certificate renews itself. */
function lifeOf({ lifeMs, isMachine }: Operator, wantedMs: number): number {
  if (wantedMs === 0) return lifeMs;
  if (!isMachine) throw refused("bad-argument", "a lifetime is for machines: a person's certificate renews itself");
  if (wantedMs >= SHORTEST_MS && wantedMs <= lifeMs) return wantedMs;
  const range = `${formatDuration(SHORTEST_MS)} to ${formatDuration(lifeMs)}`;
  throw refused("bad-argument", `this machine's certificates live ${range}`);
}

function refuse(log: Log, refusal: TokenRefusal): RpcError {
  log.warn({ code: refusal.kind }, "login refused");
  return refuseToken(refusal);
}
