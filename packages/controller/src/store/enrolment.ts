import { timingSafeEqual } from "node:crypto";
import { bytes, type Connection, integer, type Row, stringMap, text } from "./sqlite.ts";

export interface Application {
  readonly tokenId: string;
  readonly secretSha256: Uint8Array;
  /** SHA-256 of the public key (SubjectPublicKeyInfo). */
  readonly spkiSha256: Uint8Array;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly agentVersion: string;
  readonly now: number;
}

export interface IssuedCertificate {
  /** Upper-case hex, as node:crypto prints it. */
  readonly serial: string;
  readonly notAfter: number;
}

/** Why an application is refused. */
export type Refusal =
  | { readonly kind: "token-wrong" }
  | { readonly kind: "token-burnt" }
  | { readonly kind: "token-expired"; readonly expiresAt: number }
  | { readonly kind: "token-used" }
  | { readonly kind: "name-taken" }
  /** This key is enrolled under another name. */
  | { readonly kind: "key-taken"; readonly name: string }
  | { readonly kind: "labels-differ"; readonly key: string; readonly token: string; readonly agent: string }
  | { readonly kind: "revoked" };

/** What an application may become. `hostId` is null for a host that is not known yet. */
export interface Eligible {
  readonly kind: "eligible";
  readonly hostId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** False when an answer got lost and the same key asks again: the token is not charged twice. */
  readonly charge: boolean;
}

export interface Enrolment {
  /** Judges an application. A wrong secret is counted against the token. */
  check(application: Application): Promise<Eligible | Refusal>;
  /** Judges again and, in the same transaction, charges the token and records host and certificate. */
  redeem(
    application: Application,
    hostId: string,
    certificate: IssuedCertificate,
  ): Promise<Eligible | Refusal | { readonly kind: "changed" }>;
}

/** So many wrong secrets burn a token. */
export const MAX_FAILURES = 5;
/** How long a lost answer can be asked for again with the same key and token. */
export const RETRY_MS = 10 * 60_000;

export function enrolment(db: Connection): Enrolment {
  return {
    async check(application) {
      return db.transaction(() => judge(db, application));
    },
    async redeem(application, hostId, certificate) {
      return db.transaction(() => {
        const verdict = judge(db, application);
        if (verdict.kind !== "eligible") return verdict;
        // Another application of the same key was recorded since `check`: the certificate names the wrong id.
        if (verdict.hostId !== null && verdict.hostId !== hostId) return { kind: "changed" };
        record(db, application, hostId, certificate, verdict);
        return { ...verdict, hostId };
      });
    },
  };
}

function judge(db: Connection, application: Application): Eligible | Refusal {
  const token = db.prepare("SELECT * FROM tokens WHERE id = ?").get(application.tokenId);
  if (!token) return { kind: "token-wrong" };
  const burnt = integer(token, "failures") >= MAX_FAILURES;
  if (!timingSafeEqual(bytes(token, "secret_sha256"), application.secretSha256)) {
    if (!burnt) db.prepare("UPDATE tokens SET failures = failures + 1 WHERE id = ?").run(application.tokenId);
    return { kind: "token-wrong" };
  }
  if (burnt) return { kind: "token-burnt" };
  return judgeHost(db, application, token);
}

function judgeHost(db: Connection, application: Application, token: Row): Eligible | Refusal {
  const known = db.prepare("SELECT * FROM hosts WHERE spki_sha256 = ?").get(application.spkiSha256);
  const charge = !(known && isRetry(known, application));
  const expiresAt = integer(token, "expires_at");
  if (charge && expiresAt <= application.now) return { kind: "token-expired", expiresAt };
  if (charge && integer(token, "uses_left") === 0) return { kind: "token-used" };
  if (known && text(known, "state") === "revoked") return { kind: "revoked" };
  if (known && text(known, "name") !== application.name) return { kind: "key-taken", name: text(known, "name") };
  if (!known && db.prepare("SELECT 1 FROM hosts WHERE name = ?").get(application.name)) return { kind: "name-taken" };
  const granted = stringMap(token, "labels");
  for (const [key, value] of Object.entries(granted)) {
    const asked = application.labels[key];
    if (asked !== undefined && asked !== value) return { kind: "labels-differ", key, token: value, agent: asked };
  }
  const labels = { ...application.labels, ...granted };
  return { kind: "eligible", hostId: known ? text(known, "id") : null, labels, charge };
}

function isRetry(host: Row, { tokenId, now }: Application): boolean {
  return text(host, "token_id") === tokenId && now - integer(host, "enrolled_at") <= RETRY_MS;
}

function record(db: Connection, a: Application, hostId: string, certificate: IssuedCertificate, eligible: Eligible) {
  const labels = JSON.stringify(eligible.labels);
  if (eligible.charge) db.prepare("UPDATE tokens SET uses_left = uses_left - 1 WHERE id = ?").run(a.tokenId);
  if (eligible.hostId === null) {
    db.prepare(`INSERT INTO hosts (id, name, labels, spki_sha256, token_id, enrolled_at, agent_version)
      VALUES (?,?,?,?,?,?,?)`).run(hostId, a.name, labels, a.spkiSha256, a.tokenId, a.now, a.agentVersion);
  } else if (eligible.charge) {
    db.prepare("UPDATE hosts SET labels = ?, token_id = ?, enrolled_at = ?, agent_version = ? WHERE id = ?").run(
      labels,
      a.tokenId,
      a.now,
      a.agentVersion,
      hostId,
    );
  }
  db.prepare("INSERT INTO certificates (serial, host_id, not_after, issued_at) VALUES (?,?,?,?)").run(
    certificate.serial,
    hostId,
    certificate.notAfter,
    a.now,
  );
}
