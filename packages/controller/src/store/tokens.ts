import { timingSafeEqual } from "node:crypto";
import { type By, CONTROLLER, record, user } from "./audit.ts";
import { bytes, type Connection, integer, type Row, stringMap, text } from "./sqlite.ts";

export interface NewToken {
  readonly id: string;
  readonly secretSha256: Uint8Array;
  readonly expiresAt: number;
  readonly uses: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdBy: string;
  readonly createdAt: number;
  /** The operator who may log in with it; null: it is for hosts. */
  readonly operator: string | null;
}

/** A token as it is listed: never its secret. */
export interface TokenRow extends Omit<NewToken, "secretSha256" | "uses"> {
  readonly usesLeft: number;
  /** Wrong secrets that were tried with its id. */
  readonly failures: number;
  /** It is a machine's: using it does not use it up. */
  readonly isOfMachine: boolean;
}

/** Join tokens of hosts, and login tokens of operators. They are redeemed by `Enrolment` and `Operators`. */
export interface Tokens {
  create(token: NewToken): Promise<void>;
  /** Those that still work at `now`, those that end first, first. */
  list(now: number): Promise<readonly TokenRow[]>;
  /** It works no more. False: no such token, or it works no more already. */
  revoke(id: string, by: By): Promise<boolean>;
}

/** So many wrong secrets burn a token. */
export const MAX_FAILURES = 5;

export function tokens(db: Connection): Tokens {
  return {
    async create(token) {
      db.transaction(() => insertToken(db, token));
    },
    async list(now) {
      const working = "revoked_at IS NULL AND uses_left > 0 AND failures < ? AND expires_at > ?";
      const machine = "(SELECT is_machine FROM operators WHERE name = tokens.operator) AS is_machine";
      const rows = db
        .prepare(`SELECT *, ${machine} FROM tokens WHERE ${working} ORDER BY expires_at, id`)
        .all(MAX_FAILURES, now);
      return rows.map(listed);
    },
    async revoke(id, by) {
      return db.transaction(() => {
        const unused = "id = ? AND revoked_at IS NULL AND uses_left > 0";
        const { changes } = db.prepare(`UPDATE tokens SET revoked_at = ? WHERE ${unused}`).run(by.at, id);
        if (changes === 1) endCertificates(db, id, by.at);
        if (changes === 1) record(db, by, "token.revoke", id);
        return changes === 1;
      });
    },
  };
}

/** Within a transaction. */
export function insertToken(db: Connection, token: NewToken): void {
  const { id, secretSha256, expiresAt, uses, labels, createdBy, createdAt, operator } = token;
  db.prepare(`INSERT INTO tokens (id, secret_sha256, expires_at, uses_left, labels, created_by, created_at, operator)
    VALUES (?,?,?,?,?,?,?,?)`).run(
    id,
    secretSha256,
    expiresAt,
    uses,
    JSON.stringify(labels),
    createdBy,
    createdAt,
    operator,
  );
  record(db, { actor: user(createdBy), at: createdAt }, "token.create", id, { uses, expiresAt, labels, operator });
}

/** Whoever shows a token. */
export interface Shown {
  readonly tokenId: string;
  readonly secretSha256: Uint8Array;
  readonly now: number;
}

/** Why a token does not work. */
export type TokenRefusal =
  | { readonly kind: "token-wrong" }
  | { readonly kind: "token-burnt" }
  | { readonly kind: "token-revoked" }
  | { readonly kind: "token-expired"; readonly expiresAt: number }
  | { readonly kind: "token-used" }
  /** A machine logs in as no pipelines do. */
  | { readonly kind: "token-too-often" }
  /** It is for hosts where `operator` is null, else for that operator. */
  | { readonly kind: "token-of-others"; readonly operator: string | null };

/** The token that is shown, where its secret is right; a wrong one is counted. Within a transaction. */
export function knownToken(db: Connection, { tokenId, secretSha256, now }: Shown): Row | TokenRefusal {
  const token = db.prepare("SELECT * FROM tokens WHERE id = ?").get(tokenId);
  if (!token) return { kind: "token-wrong" };
  const isBurnt = integer(token, "failures") >= MAX_FAILURES;
  if (!timingSafeEqual(bytes(token, "secret_sha256"), secretSha256)) {
    if (!isBurnt) countFailure(db, token, now);
    return { kind: "token-wrong" };
  }
  return isBurnt ? { kind: "token-burnt" } : token;
}

function countFailure(db: Connection, token: Row, now: number): void {
  const id = text(token, "id");
  db.prepare("UPDATE tokens SET failures = failures + 1 WHERE id = ?").run(id);
  if (integer(token, "failures") + 1 < MAX_FAILURES) return;
  record(db, { actor: CONTROLLER, at: now }, "token.burn", id, { failures: MAX_FAILURES, operator: operatorOf(token) });
}

/** Null: it may be charged once more. */
export function spent(token: Row, now: number): TokenRefusal | null {
  const expiresAt = integer(token, "expires_at");
  if (token.revoked_at !== null) return { kind: "token-revoked" };
  if (expiresAt <= now) return { kind: "token-expired", expiresAt };
  return integer(token, "uses_left") === 0 ? { kind: "token-used" } : null;
}

/** Within a transaction. */
export function endToken(db: Connection, id: string, by: By): void {
  db.prepare("UPDATE tokens SET revoked_at = ? WHERE id = ?").run(by.at, id);
  endCertificates(db, id, by.at);
  record(db, by, "token.revoke", id);
}

/** Those that a machine got with it: whoever has the token may have made any of them. */
function endCertificates(db: Connection, id: string, at: number): void {
  db.prepare("UPDATE certificates SET revoked_at = ? WHERE token_id = ? AND revoked_at IS NULL").run(at, id);
}

/** Within a transaction: no token works that worked before. */
export function endTokens(db: Connection, by: By): void {
  const open = "SELECT id FROM tokens WHERE revoked_at IS NULL AND uses_left > 0 AND expires_at > ? ORDER BY id";
  for (const row of db.prepare(open).all(by.at)) endToken(db, text(row, "id"), by);
}

/** Within a transaction. */
export function charge(db: Connection, tokenId: string): void {
  db.prepare("UPDATE tokens SET uses_left = uses_left - 1 WHERE id = ?").run(tokenId);
}

export function operatorOf(token: Row): string | null {
  return token.operator === null ? null : text(token, "operator");
}

/** Tells a refusal from a token. */
export function isRefusal(found: Row | TokenRefusal): found is TokenRefusal {
  return "kind" in found;
}

function listed(row: Row): TokenRow {
  return {
    id: text(row, "id"),
    expiresAt: integer(row, "expires_at"),
    usesLeft: integer(row, "uses_left"),
    failures: integer(row, "failures"),
    labels: stringMap(row, "labels"),
    createdBy: text(row, "created_by"),
    createdAt: integer(row, "created_at"),
    operator: operatorOf(row),
    isOfMachine: row.is_machine === 1,
  };
}
