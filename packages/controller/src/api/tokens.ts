import { createHash, randomBytes, randomInt } from "node:crypto";
import { badLabel } from "@afterpatch/core/labels";
import { type Handlers, RpcError, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import { formatToken } from "@afterpatch/wire/token";
import { status } from "@grpc/grpc-js";
import { peerOf } from "../listen/peer.ts";
import type { Clock, Log } from "../ports.ts";
import type { Tokens } from "../store/tokens.ts";

const MAX_LIFE_MS = 24 * 3_600_000;
const MAX_USES = 10_000;
const ID_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

export interface TokenDeps {
  readonly tokens: Tokens;
  /** Pin of the CA, see Authority. */
  readonly pin: string;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

/** ControlService.CreateToken: for admins. The secret leaves the controller here and is kept as its hash. */
export function createToken(deps: TokenDeps): Handlers<typeof controlService>["createToken"] {
  return unary(async (request, call) => {
    const { uses, expiresMs, labels } = request;
    checkRequest(uses, expiresMs, labels);
    const peer = peerOf(call);
    const createdBy = peer.kind === "operator" ? peer.name : peer.id;
    const now = deps.clock.now();
    const id = Array.from({ length: 10 }, () => ID_ALPHABET.charAt(randomInt(ID_ALPHABET.length))).join("");
    const secret = randomBytes(32).toString("base64url");
    const expiresAt = Math.floor((now + expiresMs) / 1000) * 1000;
    const secretSha256 = createHash("sha256").update(secret).digest();
    await deps.tokens.create({ id, secretSha256, expiresAt, uses, labels, createdBy, createdAt: now });
    deps.log.info({ token: id, operator: createdBy, uses, expiresAt }, "token created");
    return { token: formatToken({ id, secret, pin: deps.pin, expiresAt }), expiresAt };
  });
}

function checkRequest(uses: number, expiresMs: number, labels: Readonly<Record<string, string>>): void {
  if (uses < 1 || uses > MAX_USES) throw bad(`uses must be 1 to ${MAX_USES}, not ${uses}`);
  if (expiresMs < 1000 || expiresMs > MAX_LIFE_MS) throw bad("a token lives between 1 second and 24 hours");
  if (Object.keys(labels).length > 64) throw bad("at most 64 labels");
  for (const [key, value] of Object.entries(labels)) {
    const why = badLabel(key, value);
    if (why !== null) throw bad(why);
  }
}

function bad(why: string): RpcError {
  return new RpcError(status.INVALID_ARGUMENT, "bad-argument", why);
}
