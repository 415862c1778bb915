import "reflect-metadata"; // before @peculiar/x509, which needs it while it loads
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import { usageError } from "@afterpatch/core/command-error";
import { CONTROLLER_NAME } from "@afterpatch/wire/credentials";
import * as x509 from "@peculiar/x509";
import type { Role } from "../store/operators.ts";

x509.cryptoProvider.set(webcrypto);

const EC = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
const DAY_MS = 86_400_000;
/** For peers whose clock is behind. */
const BACKDATE_MS = 5 * 60_000;
export const ROOT_MS = 3652 * DAY_MS;
export const SERVER_MS = 90 * DAY_MS;
export const ISSUING_MS = 365 * DAY_MS;
/** Agents renew at two thirds of it. */
export const HOST_MS = 30 * DAY_MS;
/** Unless an operator was given another: the command line renews it while it is used. */
export const OPERATOR_MS = DAY_MS / 2;
export const LONGEST_OPERATOR_MS = 365 * DAY_MS;

export interface Issued {
  /** With the issuing CA's certificate after it: a peer knows the root alone. */
  readonly pem: string;
  /** Upper-case hex, as node:crypto prints it. */
  readonly serial: string;
  readonly notAfter: number;
}

/** A CA and its private key. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** PEM that stands between what it issues and the root: its own certificate, or nothing where it is the root. */
  readonly chain: string;
}

/** A new P-256 key, private half as PEM. */
export function newKey(): { readonly pem: string; readonly publicKey: KeyObject } {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { pem: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), publicKey: pair.publicKey };
}

/** Signs itself; may have one CA below it. */
export async function issueRoot(keyPem: string, now: number): Promise<Issued> {
  const keys = await cryptoKeys(createPrivateKey(keyPem));
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(now, ROOT_MS),
    name: `CN=afterpatch root ${randomBytes(4).toString("hex")}`,
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      CA_USAGE,
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return issued(certificate, "");
}

/** A root of an older version: no other CA may stand below it. */
export function issuesItself(root: X509Certificate): boolean {
  const constraints = new x509.X509Certificate(root.raw).getExtension(x509.BasicConstraintsExtension);
  return constraints?.pathLength === 0;
}

const CA_USAGE = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true);

/** The CA that the controller issues with: it may issue end certificates only, and lives no longer than the root. */
export async function issueIssuing(root: Issuer, publicKey: KeyObject, now: number): Promise<Issued> {
  const parent = new x509.X509Certificate(root.certificate.raw);
  if (issuesItself(root.certificate)) {
    const why = "this root was made by an older version and issues itself: no other CA may stand below it";
    throw usageError("root.crt", why, "init a new controller and enrol its hosts there, or go on with this root");
  }
  const subjectKey = await subjectKeyOf(publicKey);
  const left = root.certificate.validToDate.getTime() - now;
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(now, Math.min(ISSUING_MS, left)),
    subject: `CN=afterpatch issuing ${randomBytes(4).toString("hex")}`,
    issuer: parent.subject,
    publicKey: subjectKey,
    signingKey: (await cryptoKeys(root.key)).privateKey,
    signingAlgorithm: SIGNING,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true), CA_USAGE, ...(await keyIds(parent, subjectKey))],
  });
  return issued(certificate, "");
}

/** For the controller: `names` are DNS names and IP addresses. */
export function issueServer(issuer: Issuer, names: readonly string[], key: KeyObject, now: number): Promise<Issued> {
  const san = [...names, CONTROLLER_NAME].map((value) => ({
    type: isIP(value) ? ("ip" as const) : ("dns" as const),
    value,
  }));
  return issue(issuer, key, { subject: "CN=afterpatch controller", san, usage: "serverAuth", lifeMs: SERVER_MS, now });
}

export function issueHost(issuer: Issuer, id: string, key: KeyObject, now: number): Promise<Issued> {
  const san = [{ type: "url" as const, value: `spiffe://afterpatch/host/${id}` }];
  return issue(issuer, key, { subject: `CN=${id}`, san, usage: "clientAuth", lifeMs: HOST_MS, now });
}

/** The subject's OU is the role; the operator's right is what both this and the store allow. */
export function issueOperator(issuer: Issuer, who: Certified, key: KeyObject, now: number): Promise<Issued> {
  const { name, role, lifeMs } = who;
  const san = [{ type: "url" as const, value: `spiffe://afterpatch/user/${name}` }];
  return issue(issuer, key, { subject: `CN=${name},OU=${role}`, san, usage: "clientAuth", lifeMs, now });
}

/** Of an operator, what is in the certificate. */
export interface Certified {
  readonly name: string;
  readonly role: Role;
  readonly lifeMs: number;
}

interface EndCertificate {
  readonly subject: string;
  readonly san: readonly { readonly type: "dns" | "ip" | "url"; readonly value: string }[];
  readonly usage: "serverAuth" | "clientAuth";
  readonly lifeMs: number;
  readonly now: number;
}

async function issue(issuer: Issuer, publicKey: KeyObject, end: EndCertificate): Promise<Issued> {
  const parent = new x509.X509Certificate(issuer.certificate.raw);
  const subjectKey = await subjectKeyOf(publicKey);
  const certificate = await x509.X509CertificateGenerator.create({
    // None outlives its issuer: whoever looks at its end alone would be surprised.
    ...validity(end.now, Math.min(end.lifeMs, parent.notAfter.getTime() - end.now)),
    subject: end.subject,
    issuer: parent.subject,
    publicKey: subjectKey,
    signingKey: (await cryptoKeys(issuer.key)).privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[end.usage]], true),
      new x509.SubjectAlternativeNameExtension([...end.san], false),
      ...(await keyIds(parent, subjectKey)),
    ],
  });
  return issued(certificate, issuer.chain);
}

function subjectKeyOf(publicKey: KeyObject): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey("spki", publicKey.export({ type: "spki", format: "der" }), EC, true, ["verify"]);
}

async function keyIds(parent: x509.X509Certificate, subject: webcrypto.CryptoKey): Promise<readonly x509.Extension[]> {
  return [
    await x509.AuthorityKeyIdentifierExtension.create(await parent.publicKey.export()),
    await x509.SubjectKeyIdentifierExtension.create(subject),
  ];
}

function validity(now: number, lifeMs: number) {
  return {
    // The leading 01 keeps the number positive; 128 random bits follow.
    serialNumber: `01${randomBytes(16).toString("hex")}`,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + lifeMs),
  };
}

function issued(certificate: x509.X509Certificate, chain: string): Issued {
  const { serialNumber, validToDate } = new X509Certificate(Buffer.from(certificate.rawData));
  return { pem: `${certificate.toString("pem")}\n${chain}`, serial: serialNumber, notAfter: validToDate.getTime() };
}

async function cryptoKeys(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const jwk = key.export({ format: "jwk" });
  const { d: _private, ...publicJwk } = jwk;
  const [privateKey, publicKey] = await Promise.all([
    webcrypto.subtle.importKey("jwk", jwk, EC, false, ["sign"]),
    webcrypto.subtle.importKey("jwk", publicJwk, EC, true, ["verify"]),
  ]);
  return { privateKey, publicKey };
}
