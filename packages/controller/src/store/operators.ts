import { type By, record, user } from "./audit.ts";
import type { IssuedCertificate } from "./enrolment.ts";
import { type Connection, integer, type Row, text } from "./sqlite.ts";
import {
  charge,
  endToken,
  insertToken,
  isRefusal,
  knownToken,
  type NewToken,
  operatorOf,
  type Shown,
  spent,
  type TokenRefusal,
} from "./tokens.ts";

/** What an operator may do, least first. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Operator {
  readonly name: string;
  readonly role: Role;
  readonly createdAt: number;
  /** How long each certificate lives, milliseconds. */
  readonly lifeMs: number;
  /** A program, not a person: its token may be used again and again, and its certificates are not renewed. */
  readonly isMachine: boolean;
  /** A rollout that it begins has at most so many hosts; null: no ceiling. */
  readonly maxHosts: number | null;
  /** Null: is let in. */
  readonly removedAt: number | null;
  /** Of the newest certificate that was not revoked; null: there is none, the login token was not used. */
  readonly certifiedUntil: number | null;
}

/** Why an operator stays as it is. */
export type OperatorRefusal = "unknown" | "removed" | "exists" | "last-admin" | "machine";

/** One who is new. */
export type NewOperator = Pick<Operator, "name" | "role" | "lifeMs" | "isMachine" | "maxHosts">;

export interface Operators {
  /** With a certificate at once: the first one, whom `init` makes. */
  add(name: string, role: Role, certificate: IssuedCertificate, lifeMs: number, at: number): Promise<void>;
  /** A new one, who logs in with the token. A name is never used again. */
  invite(operator: NewOperator, token: NewToken): Promise<OperatorRefusal | "done">;
  /** Another login token, for one who has lost the key or let the certificate expire. */
  inviteAgain(token: NewToken & { readonly operator: string }): Promise<OperatorRefusal | "done">;
  list(): Promise<readonly Operator[]>;
  byName(name: string): Promise<Operator | null>;
  setRole(name: string, role: Role, by: By): Promise<OperatorRefusal | "done">;
  /** Is let in no more, and its login tokens work no more. */
  remove(name: string, by: By): Promise<OperatorRefusal | "done">;
  /** Serials of operators' certificates that were revoked at this very instant. */
  endedAt(at: number): Promise<ReadonlySet<string>>;
  /** Whom a login token is for. A wrong secret is counted against the token. */
  check(shown: Shown): Promise<Operator | TokenRefusal>;
  /** Judges again and, in the same transaction, charges the token and records the certificate. */
  redeem(shown: Shown, certificate: IssuedCertificate): Promise<Operator | TokenRefusal>;
}

/** Who is let in now; asked at each connection and each call, so that a revocation holds at once. */
export interface Access {
  /** Whether a host with this certificate is let in. */
  host(id: string, serial: string): Promise<boolean>;
  /** The operator's role in the store, null when the operator or this certificate is not let in. */
  operator(name: string, serial: string): Promise<Role | null>;
}

export function operators(db: Connection): Operators {
  return {
    async add(name, role, certificate, lifeMs, at) {
      db.transaction(() => {
        insert(db, { name, role, lifeMs, isMachine: false, maxHosts: null }, at);
        record(db, { actor: "init", at }, "operator.add", name, { role, lifeMs, serial: certificate.serial });
        insertCertificate(db, name, certificate, at);
      });
    },
    async invite(wanted, token) {
      const { name, role, lifeMs, isMachine, maxHosts } = wanted;
      return db.transaction(() => {
        if (found(db, name)) return "exists";
        insert(db, wanted, token.createdAt);
        const details = { role, lifeMs, ...(isMachine ? { machine: true, maxHosts } : {}) };
        record(db, { actor: user(token.createdBy), at: token.createdAt }, "operator.add", name, details);
        insertToken(db, token);
        return "done";
      });
    },
    async inviteAgain(token) {
      return db.transaction(() => {
        const operator = found(db, token.operator);
        if (!operator) return "unknown";
        if (operator.removedAt !== null) return "removed";
        insertToken(db, token);
        return "done";
      });
    },
    async list() {
      return db.prepare(`${SELECT} GROUP BY o.name ORDER BY o.name`).all().map(operator);
    },
    async byName(name) {
      return found(db, name);
    },
    ...changes(db),
    async endedAt(at) {
      const ended = "SELECT serial FROM certificates WHERE operator IS NOT NULL AND revoked_at = ?";
      return new Set(
        db
          .prepare(ended)
          .all(at)
          .map((row) => text(row, "serial")),
      );
    },
    async check(shown) {
      return db.transaction(() => judged(db, shown));
    },
    async redeem(shown, certificate) {
      return db.transaction(() => {
        const operator = judged(db, shown);
        if ("kind" in operator) return operator;
        const { serial, notAfter } = certificate;
        if (operator.isMachine) return machineLogin(db, operator, shown, certificate);
        charge(db, shown.tokenId);
        const details = { token: shown.tokenId, serial, notAfter };
        record(db, { actor: user(operator.name), at: shown.now }, "operator.login", operator.name, details);
        // The key that was lost, or left on another machine, is good for nothing from now on.
        const earlier = "UPDATE certificates SET revoked_at = ? WHERE operator = ? AND revoked_at IS NULL";
        db.prepare(earlier).run(shown.now, operator.name);
        insertCertificate(db, operator.name, certificate, shown.now);
        return operator;
      });
    },
  };
}

/** So many pipelines of one machine may log in within an hour; each leaves rows that stay. */
export const MOST_LOGINS = 600;
const HOUR_MS = 3_600_000;

/** Pipelines run side by side: none ends another one's certificate, and the token stays good. */
function machineLogin(db: Connection, operator: Operator, { tokenId, now }: Shown, certificate: IssuedCertificate) {
  const { name } = operator;
  const { serial, notAfter } = certificate;
  const since = "SELECT COUNT(*) AS n FROM certificates WHERE operator = ? AND issued_at > ?";
  const logins = integer(db.prepare(since).get(name, now - HOUR_MS) ?? { n: 0 }, "n");
  if (logins >= MOST_LOGINS) return { kind: "token-too-often" } as const;
  record(db, { actor: user(name), at: now }, "operator.login", name, { token: tokenId, serial, notAfter });
  const insert = "INSERT INTO certificates (serial, operator, not_after, issued_at, token_id) VALUES (?,?,?,?,?)";
  db.prepare(insert).run(serial, name, notAfter, now, tokenId);
  return operator;
}

function changes(db: Connection): Pick<Operators, "setRole" | "remove"> {
  return {
    async setRole(name, role, by) {
      return db.transaction(() => {
        const operator = found(db, name);
        if (!operator) return "unknown";
        if (operator.removedAt !== null) return "removed";
        if (operator.isMachine && role === "admin") return "machine";
        if (role !== "admin" && isLastAdmin(db, operator, by.at)) return "last-admin";
        if (role !== operator.role)
          db.prepare("UPDATE operators SET role = ?, role_since = ? WHERE name = ?").run(role, by.at, name);
        if (operator.role === "admin" && role !== "admin") revokeTokensBy(db, name, by);
        record(db, by, "operator.role", name, { role, before: operator.role });
        return "done";
      });
    },
    async remove(name, by) {
      return db.transaction(() => {
        const operator = found(db, name);
        if (!operator) return "unknown";
        if (operator.removedAt !== null) return "removed";
        if (isLastAdmin(db, operator, by.at)) return "last-admin";
        db.prepare("UPDATE operators SET removed_at = ? WHERE name = ?").run(by.at, name);
        for (const [table, column] of [
          ["certificates", "operator"],
          ["tokens", "operator"],
        ])
          db.prepare(`UPDATE ${table} SET revoked_at = ? WHERE ${column} = ? AND revoked_at IS NULL`).run(by.at, name);
        revokeTokensBy(db, name, by);
        record(db, by, "operator.revoke", name);
        return "done";
      });
    },
  };
}

function judged(db: Connection, shown: Shown): Operator | TokenRefusal {
  const token = knownToken(db, shown);
  if (isRefusal(token)) return token;
  const name = operatorOf(token);
  if (name === null) return { kind: "token-of-others", operator: null };
  const why = spent(token, shown.now);
  if (why) return why;
  const operator = found(db, name);
  return operator && operator.removedAt === null ? operator : { kind: "token-revoked" };
}

/** Whoever made a token may have kept it: none of those that still work is left to one who is no admin any more. */
function revokeTokensBy(db: Connection, name: string, by: By): void {
  const made = "SELECT id FROM tokens WHERE created_by = ? AND revoked_at IS NULL AND uses_left > 0 ORDER BY id";
  for (const row of db.prepare(made).all(name)) endToken(db, text(row, "id"), by);
}

/** So long after its end an operator's certificate is still made good, milliseconds. */
export const GRACE_MS = 14 * 86_400_000;

/**
 * Nobody could make another one after that. One who has not logged in, whose certificate was of a lesser role, or who has
 * been away too long to renew it, can do nothing.
 */
function isLastAdmin(db: Connection, { name, role }: Operator, now: number): boolean {
  const others = `SELECT 1 FROM operators o JOIN certificates c ON c.operator = o.name
    WHERE o.role = 'admin' AND o.removed_at IS NULL AND o.name <> ?
      AND c.revoked_at IS NULL AND c.issued_at >= o.role_since AND c.not_after > ?`;
  return role === "admin" && db.prepare(others).get(name, now - GRACE_MS) === undefined;
}

function insert(db: Connection, { name, role, lifeMs, isMachine, maxHosts }: NewOperator, at: number): void {
  const insert = `INSERT INTO operators (name, role, role_since, created_at, life_ms, is_machine, max_hosts)
    VALUES (?,?,?,?,?,?,?)`;
  db.prepare(insert).run(name, role, at, at, lifeMs, isMachine ? 1 : 0, maxHosts);
}

/** Within a transaction. */
export function insertCertificate(
  db: Connection,
  name: string,
  { serial, notAfter }: IssuedCertificate,
  at: number,
): void {
  const insert = "INSERT INTO certificates (serial, operator, not_after, issued_at) VALUES (?,?,?,?)";
  db.prepare(insert).run(serial, name, notAfter, at);
}

const SELECT = `SELECT o.name, o.role, o.created_at, o.life_ms, o.removed_at, o.is_machine, o.max_hosts, MAX(c.not_after) AS certified_until
  FROM operators o LEFT JOIN certificates c ON c.operator = o.name AND c.revoked_at IS NULL`;

export function found(db: Connection, name: string): Operator | null {
  const row = db.prepare(`${SELECT} WHERE o.name = ? GROUP BY o.name`).get(name);
  return row ? operator(row) : null;
}

function operator(row: Row): Operator {
  const optional = (column: string) => (row[column] === null ? null : integer(row, column));
  return {
    name: text(row, "name"),
    role: roleIn(row) ?? "viewer", // the schema allows no other
    createdAt: integer(row, "created_at"),
    lifeMs: integer(row, "life_ms"),
    isMachine: integer(row, "is_machine") === 1,
    maxHosts: optional("max_hosts"),
    removedAt: optional("removed_at"),
    certifiedUntil: optional("certified_until"),
  };
}

function roleIn(row: Row | undefined): Role | null {
  return ROLES.find((role) => role === row?.role) ?? null;
}

/** `now`: the clock that ends certificates; TLS looks at it once, when a connection begins. */
export function access(db: Connection, now: () => number): Access {
  return {
    async host(id, serial) {
      const row = db
        .prepare(`SELECT h.state FROM certificates c JOIN hosts h ON h.id = c.host_id
          WHERE c.serial = ? AND c.host_id = ? AND c.revoked_at IS NULL AND c.not_after > ?`)
        .get(serial, id, now());
      return row !== undefined && text(row, "state") !== "revoked";
    },
    async operator(name, serial) {
      const row = db
        .prepare(`SELECT o.role FROM certificates c JOIN operators o ON o.name = c.operator
          WHERE c.serial = ? AND c.operator = ? AND c.revoked_at IS NULL AND o.removed_at IS NULL AND c.not_after > ?`)
        .get(serial, name, now());
      return roleIn(row);
    },
  };
}
