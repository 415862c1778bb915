import "@afterpatch/controller/ca/issue"; // readies @peculiar/x509
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Caller } from "@afterpatch/controller/listen/permissions";
import { initialise } from "@afterpatch/controller/ca/init";
import { loadAuthority } from "@afterpatch/controller/ca/authority";
import type { Store } from "@afterpatch/controller/store/store";
import type { Role } from "@afterpatch/controller/store/operators";
import type { ClientIdentity } from "@afterpatch/wire/credentials";
import { spkiSha256 } from "@afterpatch/wire/pem";
import * as x509 from "@peculiar/x509";

/** Somebody at the fleet port. `as`: as whom it is let in; null: not at all. */
export interface Somebody {
  readonly name: string;
  readonly identity: ClientIdentity;
  readonly as: Caller | null;
}

const DAY_MS = 86_400_000;
const HOST_A = "01JDAAAAAAAAAAAAAAAAAAAAAA";
const HOST_REVOKED = "01JDBBBBBBBBBBBBBBBBBBBBBB";
const BY = { actor: "user/admin", at: 0, reason: "authz" };

const pemOf = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

/** Everybody who may knock at a controller's fleet port, with what the store says of them. */
export async function everybody(dataDir: string, store: Store, elsewhere: string): Promise<readonly Somebody[]> {
  const now = Date.now();
  const authority = await loadAuthority(join(dataDir, "ca"));
  const ca = authority.root;
  const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

  const host = async (id: string, at: number, name?: string): Promise<ClientIdentity> => {
    const { publicKey, privateKey } = pair();
    const issued = await authority.issueHost(id, publicKey, at);
    if (name !== undefined) {
      const secretSha256 = randomBytes(32);
      const token = { id: `t-${name}`, secretSha256, uses: 1, labels: {}, createdBy: "admin", operator: null };
      await store.tokens.create({ ...token, expiresAt: now + DAY_MS, createdAt: now });
      const application = {
        tokenId: token.id,
        secretSha256,
        spkiSha256: spkiSha256(publicKey),
        name,
        labels: {},
        agentVersion: "0",
        now,
      };
      const redeemed = await store.enrolment.redeem(application, id, issued);
      if (redeemed.kind !== "eligible") throw new Error(`host ${name}: ${redeemed.kind}`);
    }
    return { ca, cert: issued.pem, key: pemOf(privateKey) };
  };

  const operator = async (name: string, inCertificate: Role, inStore: Role): Promise<ClientIdentity> => {
    const { publicKey, privateKey } = pair();
    const issued = await authority.issueOperator({ name, role: inCertificate, lifeMs: DAY_MS }, publicKey, now);
    await store.operators.add(name, inStore, issued, DAY_MS, now);
    return { ca, cert: issued.pem, key: pemOf(privateKey) };
  };

  const odd = (extensions: readonly x509.Extension[], subject = "CN=mallory,OU=admin") =>
    issuedBy(dataDir, subject, extensions).then(({ cert, key }) => ({ ca, cert, key }));
  const clientAuth = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth], true);
  const san = (...urls: readonly string[]) =>
    new x509.SubjectAlternativeNameExtension(
      urls.map((value) => ({ type: "url" as const, value })),
      false,
    );
  const admin = "spiffe://afterpatch/user/admin";

  const revoked = await host(HOST_REVOKED, now, "revoked");
  await store.hosts.revoke(HOST_REVOKED, BY);
  const removed = await operator("gone", "admin", "admin");
  await store.operators.remove("gone", BY);
  await initialise(elsewhere, { names: ["localhost"], port: 7443, enrolPort: 7444 }, now);
  const file = (name: string) => readFile(join(elsewhere, "admin", name), "utf8");
  const server = await readFile(join(dataDir, "ca/server.pem"), "utf8");

  return [
    { name: "no certificate", identity: { ca }, as: null },
    {
      name: "admin of another CA",
      identity: { ca, cert: await file("operator.crt"), key: await file("operator.key") },
      as: null,
    },
    { name: "self-signed admin", identity: { ca, ...(await selfSigned([clientAuth, san(admin)])) }, as: null },
    { name: "expired host", identity: await host(HOST_A, now - 31 * DAY_MS), as: null },
    { name: "not yet valid host", identity: await host(HOST_A, now + DAY_MS), as: null },
    { name: "host the store does not know", identity: await host("01JDCCCCCCCCCCCCCCCCCCCCCC", now), as: null },
    { name: "revoked host", identity: revoked, as: null },
    { name: "revoked admin", identity: removed, as: null },
    { name: "the controller's own certificate", identity: { ca, cert: server, key: server }, as: null },
    {
      name: "two names in one certificate",
      identity: await odd([clientAuth, san(admin, `spiffe://afterpatch/host/${HOST_A}`)]),
      as: null,
    },
    {
      name: "an admin's name, for servers",
      identity: await odd([new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], true), san(admin)]),
      as: null,
    },
    {
      name: "an admin's name, never issued",
      identity: await odd([clientAuth, san(admin)], "CN=admin,OU=admin"),
      as: null,
    },
    { name: "host", identity: await host(HOST_A, now, "web01"), as: "host" },
    { name: "viewer", identity: await operator("vera", "viewer", "viewer"), as: "viewer" },
    { name: "operator", identity: await operator("otto", "operator", "operator"), as: "operator" },
    { name: "admin", identity: await operator("ada", "admin", "admin"), as: "admin" },
    { name: "admin who was made viewer", identity: await operator("dora", "admin", "viewer"), as: "viewer" },
    {
      name: "viewer by certificate, admin in the store",
      identity: await operator("cora", "viewer", "admin"),
      as: "viewer",
    },
  ];
}

/** A certificate of the real CA with other extensions than it ever issues. */
async function issuedBy(dataDir: string, subject: string, extensions: readonly x509.Extension[]) {
  const pem = await readFile(join(dataDir, "ca/issuing.pem"), "utf8");
  const issuing = new X509Certificate(pem);
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(),
    subject,
    issuer: new x509.X509Certificate(issuing.raw).subject,
    publicKey: keys.publicKey,
    signingKey: await signingKey(pem),
    signingAlgorithm: SIGNING,
    extensions: [...extensions],
  });
  return { cert: `${certificate.toString("pem")}\n${issuing.toString()}`, key: await exported(keys.privateKey) };
}

async function selfSigned(extensions: readonly x509.Extension[]) {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: "CN=admin,OU=admin",
    keys,
    signingAlgorithm: SIGNING,
    extensions: [...extensions],
  });
  return { cert: certificate.toString("pem"), key: await exported(keys.privateKey) };
}

const EC = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ["sign", "verify"]);
}

function validity() {
  const [notBefore, notAfter] = [new Date(Date.now() - 60_000), new Date(Date.now() + DAY_MS)];
  return { serialNumber: `01${randomBytes(16).toString("hex")}`, notBefore, notAfter };
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, EC, false, ["sign"]);
}

async function exported(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return pemOf(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
}
