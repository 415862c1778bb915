import { hostActor, record as note } from "./audit.ts";
import { type Connection, integer, type Row, stringMap, text } from "./sqlite.ts";
import { charge, isRefusal, knownToken, operatorOf, spent, type TokenRefusal } from "./tokens.ts";

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
export type Refusal = TokenRefusal | HostRefusal;

/** Why it is, whatever the token says. */
export type HostRefusal =
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
  const token = knownToken(db, application);
  if (isRefusal(token)) return token;
  const operator = operatorOf(token);
  return operator === null ? judgeHost(db, application, token) : { kind: "token-of-others", operator };
}

function judgeHost(db: Connection, application: Application, token: Row): Eligible | Refusal {
  const known = db.prepare("SELECT * FROM hosts WHERE spki_sha256 = ?").get(application.spkiSha256);
  const isCharged = !(known && isRetry(known, application));
  const why = isCharged ? spent(token, application.now) : null;
  if (why) return why;
  if (known && text(known, "state") === "revoked") return { kind: "revoked" };
  if (known && text(known, "name") !== application.name) return { kind: "key-taken", name: text(known, "name") };
  if (!known && db.prepare("SELECT 1 FROM hosts WHERE name = ?").get(application.name)) return { kind: "name-taken" };
  const granted = stringMap(token, "labels");
  for (const [key, value] of Object.entries(granted)) {
    const asked = application.labels[key];
    if (asked !== undefined && asked !== value) return { kind: "labels-differ", key, token: value, agent: asked };
  }
  const labels = { ...application.labels, ...granted };
  return { kind: "eligible", hostId: known ? text(known, "id") : null, labels, charge: isCharged };
}

function isRetry(host: Row, { tokenId, now }: Application): boolean {
  return text(host, "token_id") === tokenId && now - integer(host, "enrolled_at") <= RETRY_MS;
}

function record(db: Connection, a: Application, hostId: string, certificate: IssuedCertificate, eligible: Eligible) {
  const labels = JSON.stringify(eligible.labels);
  if (eligible.charge) charge(db, a.tokenId);
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
  const { serial, notAfter } = certificate;
  const details = { token: a.tokenId, name: a.name, labels: eligible.labels, serial, notAfter };
  note(db, { actor: hostActor(hostId), at: a.now }, "host.enroll", hostId, details);
  db.prepare("INSERT INTO certificates (serial, host_id, not_after, issued_at) VALUES (?,?,?,?)").run(
    certificate.serial,
    hostId,
    certificate.notAfter,
    a.now,
  );
}
