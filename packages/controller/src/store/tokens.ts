import type { Connection } from "./sqlite.ts";

export interface NewToken {
  readonly id: string;
  readonly secretSha256: Uint8Array;
  readonly expiresAt: number;
  readonly uses: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdBy: string;
  readonly createdAt: number;
}

/** Join tokens. They are redeemed by `Enrolment`. */
export interface Tokens {
  create(token: NewToken): Promise<void>;
}

export function tokens(db: Connection): Tokens {
  return {
    async create(token) {
      db.prepare(`INSERT INTO tokens (id, secret_sha256, expires_at, uses_left, labels, created_by, created_at)
        VALUES (?,?,?,?,?,?,?)`).run(
        token.id,
        token.secretSha256,
        token.expiresAt,
        token.uses,
        JSON.stringify(token.labels),
        token.createdBy,
        token.createdAt,
      );
    },
  };
}
