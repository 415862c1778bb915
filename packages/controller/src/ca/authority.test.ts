import "./issue.ts"; // readies @peculiar/x509
import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificates, leadsTo, pinOf } from "@afterpatch/wire/pem";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { identityOf } from "../listen/peer.ts";
import { type Authority, createAuthority, loadAuthority, renewIssuing, serverIdentity } from "./authority.ts";
import { newKey, OPERATOR_MS } from "./issue.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 22);
let directory = "";
let authority: Authority;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "afterpatch-ca-"));
  authority = await createAuthority(directory, NOW);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("the root issues end certificates only, and its pin is that of its key", () => {
  const root = new X509Certificate(authority.root);
  expect(root.ca).toBe(true);
  expect(pinOf(root)).toBe(authority.pin);
  expect(authority.pin).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

test("a host's certificate: thirty days, five minutes back, one name, for clients", async () => {
  const id = "01JDAAAAAAAAAAAAAAAAAAAAAA";
  const issued = await authority.issueHost(id, newKey().publicKey, NOW);
  const certificate = new X509Certificate(issued.pem);
  expect(leadsTo(certificates(issued.pem), new X509Certificate(authority.root))).toBe(true);
  expect(leadsTo([certificate], new X509Certificate(authority.root))).toBe(false); // not without the issuing CA
  expect(certificate.validFromDate.getTime()).toBe(NOW - 300_000);
  expect(certificate.validToDate.getTime()).toBe(NOW + 30 * DAY_MS);
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  expect(issued.serial).toMatch(/^01[0-9A-F]{32}$/);
  expect(identityOf(certificate.raw)).toEqual({ kind: "host", id, serial: issued.serial });
});

test("an operator's certificate names the person and the role", async () => {
  const issued = await authority.issueOperator(
    { name: "carol", role: "operator", lifeMs: OPERATOR_MS },
    newKey().publicKey,
    NOW,
  );
  const peer = { kind: "operator", name: "carol", role: "operator", serial: issued.serial };
  expect(identityOf(new X509Certificate(issued.pem).raw)).toEqual(peer);
});

test.each([
  ["a host id that is no ULID", "host", "01JDAAAAAAAAAAAAAAAAAAAAA"],
  ["a host id with more behind it", "host", "01JDAAAAAAAAAAAAAAAAAAAAAA/user/admin"],
  ["a lower-case host id", "host", "01jdaaaaaaaaaaaaaaaaaaaaaa"],
])("%s is nobody", async (_name, _kind, id) => {
  const issued = await authority.issueHost(id, newKey().publicKey, NOW);
  expect(identityOf(new X509Certificate(issued.pem).raw)).toBeNull();
});

test("the controller's own certificate, which names no peer, is nobody", async () => {
  const [own] = certificates((await serverIdentity(directory, ["ctl.example.net"], NOW)).chain);
  expect(own && identityOf(own.raw)).toBeNull();
});

test("the controller's certificate is kept until a third of its life is left or its names change", async () => {
  const names = ["ctl.example.net", "192.0.2.1"];
  const serial = async (now: number, wanted = names) =>
    certificates((await serverIdentity(directory, wanted, now)).chain)[0]?.serialNumber;
  const first = await serial(NOW);
  expect(await serial(NOW + 59 * DAY_MS)).toBe(first);
  const second = await serial(NOW + 61 * DAY_MS);
  expect(second).not.toBe(first);
  expect(await serial(NOW + 62 * DAY_MS)).toBe(second);
  expect(await serial(NOW + 62 * DAY_MS, [...names, "ctl2.example.net"])).not.toBe(second);
});

describe("the issuing CA", () => {
  const YEAR_MS = 365 * DAY_MS;
  const made = async () => {
    const place = await mkdtemp(join(tmpdir(), "afterpatch-ca-"));
    onTestFinished(() => rm(place, { recursive: true, force: true }));
    return { place, ca: await createAuthority(place, NOW) };
  };
  const leads = ({ pem }: { readonly pem: string }, root: string) =>
    leadsTo(certificates(pem), new X509Certificate(root));

  test("is made anew when a third of its life is left; what the one before issued holds on", async () => {
    const { place, ca } = await made();
    const before = await ca.issueHost("01JDAAAAAAAAAAAAAAAAAAAAAA", newKey().publicKey, NOW);
    const first = ca.issuing();
    expect(await ca.refresh(NOW + YEAR_MS / 2)).toEqual({ kind: "fresh" });
    expect(await ca.refresh(NOW + 0.7 * YEAR_MS)).toMatchObject({ kind: "renewed" });
    expect(ca.issuing()).not.toBe(first);
    const after = await ca.issueHost("01JDAAAAAAAAAAAAAAAAAAAAAA", newKey().publicKey, NOW);
    expect([leads(before, ca.root), leads(after, ca.root)]).toEqual([true, true]);
    expect((await loadAuthority(place)).issuing()).toBe(ca.issuing());
    const [own] = certificates((await serverIdentity(place, ["ctl.example.net"], NOW + 0.7 * YEAR_MS)).chain);
    expect(own?.checkIssued(new X509Certificate(ca.issuing()))).toBe(true);
  });

  test("goes on without the root's key, says when its end is near, and is renewed by a key that is kept elsewhere", async () => {
    const { place, ca } = await made();
    const safe = join(place, "safe.key");
    await rename(join(place, "root.key"), safe);
    const again = await loadAuthority(place);
    expect(leads(await again.issueHost("01JDAAAAAAAAAAAAAAAAAAAAAA", newKey().publicKey, NOW), ca.root)).toBe(true);
    const late = NOW + 0.7 * YEAR_MS;
    expect(await again.refresh(late)).toEqual({ kind: "ends", notAfter: NOW + YEAR_MS });
    const who = { name: "ci", role: "viewer", lifeMs: YEAR_MS } as const;
    expect((await again.issueOperator(who, newKey().publicKey, late)).notAfter).toBe(NOW + YEAR_MS); // no longer than its issuer
    await renewIssuing(place, safe, late);
    expect(await again.refresh(late)).toMatchObject({ kind: "renewed" });
    expect(await again.refresh(late)).toEqual({ kind: "fresh" });
    expect(new X509Certificate(again.issuing()).validToDate.getTime()).toBe(late + YEAR_MS);
    await writeFile(safe, newKey().pem);
    await expect(renewIssuing(place, safe, late)).rejects.toThrow("is not the key of root.crt");
  });

  test("a root of an older version issues itself, and no other CA is put below it", async () => {
    const { place } = await made();
    const key = newKey();
    await writeFile(join(place, "root.key"), key.pem);
    await writeFile(join(place, "root.crt"), await oldRoot(key.pem));
    await rm(join(place, "issuing.pem"));
    const old = await loadAuthority(place);
    expect(old.issuing()).toBe(old.root);
    const issued = await old.issueHost("01JDAAAAAAAAAAAAAAAAAAAAAA", newKey().publicKey, NOW);
    expect([certificates(issued.pem).length, leads(issued, old.root)]).toEqual([1, true]);
    expect(await old.refresh(NOW + 100 * YEAR_MS)).toEqual({ kind: "fresh" });
    await expect(renewIssuing(place, join(place, "root.key"), NOW)).rejects.toThrow("made by an older version");
  });
});

/** As version 0.1.0 made it before there were issuing CAs: path length 0. */
async function oldRoot(keyPem: string): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const jwk = createPrivateKey(keyPem).export({ format: "jwk" });
  const { d: _private, ...publicJwk } = jwk;
  const keys = {
    privateKey: await webcrypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("jwk", publicJwk, algorithm, true, ["verify"]),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: "01aa", name: "CN=old root", keys, signingAlgorithm: { name: "ECDSA", hash: "SHA-256" } },
    ...{ notBefore: new Date(NOW - 1), notAfter: new Date(NOW + 3650 * DAY_MS) },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return certificate.toString("pem");
}
