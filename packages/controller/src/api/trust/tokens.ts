import { createHash, randomBytes, randomInt } from "node:crypto";
import { badLabel } from "@afterpatch/core/labels";
import { type Handlers, RpcError, unary } from "@afterpatch/wire/rpc";
import type { controlService, trustService } from "@afterpatch/wire/services";
import { formatToken } from "@afterpatch/wire/token";
import { status } from "@grpc/grpc-js";
import type { Clock, Log } from "../../ports.ts";
import type { NewToken, Tokens } from "../../store/tokens.ts";
import { nameOf } from "../asked.ts";
import { refused } from "../refuse.ts";
import { byOf } from "./hosts.ts";

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

export type TokenCalls = "listTokens" | "revokeToken";

/** ControlService.CreateToken. The secret leaves the controller here and is kept as its hash. */
export function createToken(deps: TokenDeps): Handlers<typeof controlService>["createToken"] {
  return unary(async ({ uses, expiresMs, labels }, call) => {
    checkRequest(uses, expiresMs, labels);
    const createdBy = nameOf(call);
    const { token, text } = newToken(deps, { uses, expiresMs, labels: { ...labels }, createdBy, operator: null });
    await deps.tokens.create(token);
    deps.log.info({ token: token.id, operator: createdBy, uses, expiresAt: token.expiresAt }, "token created");
    return { token: text, expiresAt: token.expiresAt };
  });
}

/** `cutEnded`: ends the connections of certificates that were revoked at an instant. */
export function tokenHandlers(
  deps: TokenDeps & { readonly cutEnded: (at: number) => Promise<void> },
): Pick<Handlers<typeof trustService>, TokenCalls> {
  return {
    listTokens: unary(async () => {
      const rows = await deps.tokens.list(deps.clock.now());
      return {
        tokens: rows.map((row) => ({
          ...row,
          labels: { ...row.labels },
          operator: row.operator ?? "",
          ofMachine: row.isOfMachine,
        })),
      };
    }),
    revokeToken: unary(async ({ id, reason }, call) => {
      const by = byOf(deps, call, reason);
      if (!(await deps.tokens.revoke(id, by)))
        throw refused("not-found", `no token ${JSON.stringify(id)} that still works; see 'afterpatch token list'`);
      await deps.cutEnded(by.at);
      deps.log.info({ token: id, ...by }, "token revoked");
      return {};
    }),
  };
}

type Wanted = Pick<NewToken, "uses" | "labels" | "createdBy" | "operator"> & { readonly expiresMs: number };

/** One that is not in the store yet, and what is shown of it, once. */
export function newToken({ pin, clock }: Pick<TokenDeps, "pin" | "clock">, { expiresMs, ...wanted }: Wanted) {
  const createdAt = clock.now();
  const id = Array.from({ length: 10 }, () => ID_ALPHABET.charAt(randomInt(ID_ALPHABET.length))).join("");
  const secret = randomBytes(32).toString("base64url");
  const expiresAt = Math.floor((createdAt + expiresMs) / 1000) * 1000;
  const secretSha256 = createHash("sha256").update(secret).digest();
  const token: NewToken = { ...wanted, id, secretSha256, expiresAt, createdAt };
  return { token, text: formatToken({ id, secret, pin, expiresAt }) };
}

/** Of a token's life. */
export function checkLife(expiresMs: number): void {
  if (expiresMs < 1000 || expiresMs > MAX_LIFE_MS) throw bad("a token lives between 1 second and 24 hours");
}

function checkRequest(uses: number, expiresMs: number, labels: Readonly<Record<string, string>>): void {
  if (uses < 1 || uses > MAX_USES) throw bad(`uses must be 1 to ${MAX_USES}, not ${uses}`);
  checkLife(expiresMs);
  if (Object.keys(labels).length > 64) throw bad("at most 64 labels");
  for (const [key, value] of Object.entries(labels)) {
    const why = badLabel(key, value);
    if (why !== null) throw bad(why);
  }
}

function bad(why: string): RpcError {
  return new RpcError(status.INVALID_ARGUMENT, "bad-argument", why);
}
