import type { IssuedCertificate } from "./enrolment.ts";
import { type Connection, text } from "./sqlite.ts";

/** What an operator may do, least first. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Operators {
  add(name: string, role: Role, certificate: IssuedCertificate, at: number): Promise<void>;
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
    async add(name, role, certificate, at) {
      db.transaction(() => {
        db.prepare("INSERT INTO operators (name, role, created_at) VALUES (?,?,?)").run(name, role, at);
        db.prepare("INSERT INTO certificates (serial, operator, not_after, issued_at) VALUES (?,?,?,?)").run(
          certificate.serial,
          name,
          certificate.notAfter,
          at,
        );
      });
    },
  };
}

export function access(db: Connection): Access {
  return {
    async host(id, serial) {
      const row = db
        .prepare(`SELECT h.state FROM certificates c JOIN hosts h ON h.id = c.host_id
          WHERE c.serial = ? AND c.host_id = ? AND c.revoked_at IS NULL`)
        .get(serial, id);
      return row !== undefined && text(row, "state") !== "revoked";
    },
    async operator(name, serial) {
      const row = db
        .prepare(`SELECT o.role FROM certificates c JOIN operators o ON o.name = c.operator
          WHERE c.serial = ? AND c.operator = ? AND c.revoked_at IS NULL`)
        .get(serial, name);
      return ROLES.find((role) => role === row?.role) ?? null;
    },
  };
}
