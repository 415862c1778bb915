import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificates, leadsTo, pinOf } from "@afterpatch/wire/pem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identityOf } from "../listen/peer.ts";
import { type Authority, createAuthority, serverIdentity } from "./authority.ts";
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
