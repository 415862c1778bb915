import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Application } from "@afterpatch/controller/store/enrolment";
import type { Report } from "@afterpatch/controller/store/hosts";
import { openDatabase } from "@afterpatch/controller/store/sqlite";
import { createStore, openStore, type Store } from "@afterpatch/controller/store/store";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "./programs.ts";

const SETTINGS = { names: ["localhost"], port: 7443, enrolPort: 7444 };
const NOW = 1_800_000_000_000;

async function newStore(): Promise<Store & { readonly path: string }> {
  const path = join(await temporaryDirectory(), "controller.db");
  const store = await createStore(path, SETTINGS);
  onTestFinished(() => store.close().catch(() => undefined)); // a test may have closed it
  return { ...store, path };
}

async function token(store: Store, id: string, uses = 1, labels: Record<string, string> = {}): Promise<Application> {
  const secretSha256 = randomBytes(32);
  const times = { expiresAt: NOW + 1000, createdAt: NOW };
  await store.tokens.create({ id, secretSha256, uses, labels, createdBy: "admin", operator: null, ...times });
  const spkiSha256 = randomBytes(32);
  return { tokenId: id, secretSha256, spkiSha256, name: "web01", labels: {}, agentVersion: "1", now: NOW };
}

const certificate = (serial: string) => ({ serial, notAfter: NOW + 1 });

async function enrolled(store: Store, id: string, name: string): Promise<void> {
  const application = { ...(await token(store, `t-${id}`)), name };
  expect(await store.enrolment.redeem(application, id, certificate(`s-${id}`))).toMatchObject({ kind: "eligible" });
}

const REPORT: Report = {
  digest: "d1",
  scannedAt: NOW - 5,
  bootId: "b1",
  os: "debian 12",
  kernel: "6.1.0",
  findings: { service: 1, "xinetd-session": 2, application: 3, kernel: 4, microcode: 5 },
  reboot: null,
  unreadable: 0,
  configError: "/etc/afterpatch/agent.yaml:3: grace: out of range",
  body: randomBytes(100),
};

test("settings and hosts survive, the epoch grows at every opening, the file is its owner's alone", async () => {
  const store = await newStore();
  await enrolled(store, "H1", "web01");
  expect((await stat(store.path)).mode & 0o777).toBe(0o600);
  await store.close();
  for (const epoch of [1, 2, 3]) {
    const again = await openStore(store.path, NOW);
    expect(again).toMatchObject({ epoch, settings: SETTINGS });
    expect(await again.hosts.list()).toMatchObject([{ id: "H1", name: "web01", state: "active", report: null }]);
    await again.close();
  }
});

test("every commit is on the disk, and the schema is not trusted", async () => {
  const store = await newStore();
  await store.close();
  const db = openDatabase(store.path);
  const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  expect(["journal_mode", "synchronous", "foreign_keys", "trusted_schema", "locking_mode"].map(pragma)).toEqual([
    "wal",
    2,
    1,
    0,
    "exclusive",
  ]);
  db.close();
});

test("while a store is open nobody else reads or writes it", async () => {
  const store = await newStore();
  await expect(openStore(store.path, NOW)).rejects.toMatchObject({ code: "in-use" });
  const other = new DatabaseSync(store.path, { readOnly: true, timeout: 0 });
  expect(() => other.prepare("SELECT * FROM hosts").all()).toThrow(/locked/);
  other.close();
});

test("a report is kept whole, and a digest alone renews it", async () => {
  const store = await newStore();
  await enrolled(store, "H1", "web01");
  const digestOnly = { ...REPORT, scannedAt: NOW + 7, body: new Uint8Array() };
  expect(await store.hosts.saveReport("H1", digestOnly, NOW)).toBe("body-needed");
  expect(await store.hosts.report("H1")).toBeNull();
  expect(await store.hosts.saveReport("H1", REPORT, NOW)).toBe("saved");
  expect(await store.hosts.report("H1")).toEqual({ ...REPORT, body: new Uint8Array(REPORT.body), receivedAt: NOW });
  expect(await store.hosts.saveReport("H1", digestOnly, NOW + 9)).toBe("saved");
  const { body, ...summary } = REPORT;
  const renewed = { ...summary, scannedAt: NOW + 7, receivedAt: NOW + 9 };
  expect((await store.hosts.byId("H1"))?.report).toEqual(renewed);
  expect((await store.hosts.report("H1"))?.body).toEqual(new Uint8Array(body));
  expect(await store.hosts.saveReport("H1", { ...digestOnly, digest: "d2" }, NOW)).toBe("body-needed");
  await expect(store.hosts.saveReport("H9", REPORT, NOW)).rejects.toThrow(/FOREIGN KEY/);
});

test("a token with one use, redeemed by two hosts at once, makes one", async () => {
  const store = await newStore();
  const first = await token(store, "T1");
  const second = { ...first, spkiSha256: randomBytes(32), name: "web02" };
  expect(await store.enrolment.check(first)).toMatchObject({ kind: "eligible", hostId: null });
  expect(await store.enrolment.check(second)).toMatchObject({ kind: "eligible", hostId: null });
  expect(await store.enrolment.redeem(first, "H1", certificate("S1"))).toMatchObject({
    kind: "eligible",
    hostId: "H1",
  });
  expect(await store.enrolment.redeem(second, "H2", certificate("S2"))).toEqual({ kind: "token-used" });
  expect(await store.hosts.list()).toHaveLength(1);
});

test("the same key twice at once is one host", async () => {
  const store = await newStore();
  const application = await token(store, "T1");
  expect(await store.enrolment.redeem(application, "H1", certificate("S1"))).toMatchObject({ hostId: "H1" });
  expect(await store.enrolment.redeem(application, "H2", certificate("S2"))).toEqual({ kind: "changed" });
  expect(await store.enrolment.check(application)).toMatchObject({ kind: "eligible", hostId: "H1", charge: false });
});

test.each([
  ["within ten minutes a used token serves its key again", { now: NOW + 599_999 }, { kind: "eligible", hostId: "H1" }],
  ["later it does not", { now: NOW + 600_001 }, { kind: "token-expired", expiresAt: NOW + 1000 }],
  ["under another name it does not", { name: "web02" }, { kind: "key-taken", name: "web01" }],
  ["another key is refused", { spkiSha256: randomBytes(32), name: "web02" }, { kind: "token-used" }],
  ["another secret is refused", { secretSha256: randomBytes(32) }, { kind: "token-wrong" }],
] as const)("a lost answer: %s", async (_name, change, expected) => {
  const store = await newStore();
  const application = await token(store, "T1");
  await store.enrolment.redeem(application, "H1", certificate("S1"));
  expect(await store.enrolment.check({ ...application, ...change })).toMatchObject(expected);
});

test("a certificate lets in its own host until it is revoked, and a revoked key never comes back", async () => {
  const store = await newStore();
  await enrolled(store, "H1", "web01");
  await enrolled(store, "H2", "web02");
  expect(await store.access(() => NOW).host("H1", "s-H1")).toBe(true);
  expect(await store.access(() => NOW).host("H1", "s-H2")).toBe(false);
  expect(await store.access(() => NOW + 1).host("H1", "s-H1")).toBe(false); // it has ended
  await store.hosts.revoke("H1", { actor: "user/ada", at: NOW, reason: "stolen" });
  expect(await store.access(() => NOW).host("H1", "s-H1")).toBe(false);
  expect(await store.access(() => NOW).host("H2", "s-H2")).toBe(true);
  expect((await store.hosts.list()).map((host) => host.name)).toEqual(["web02"]);
  expect(await store.enrolment.check(await token(store, "T3"))).toEqual({ kind: "name-taken" });
});
