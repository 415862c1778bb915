import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SCHEMA, SCHEMA_VERSION } from "@afterpatch/controller/store/schema";
import { createStore, openStore } from "@afterpatch/controller/store/store";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./programs.ts";

// Stores as older versions wrote them (stores/*.sql), opened by this one.

const OLDER = ["1-first", "1-unreadable", "1-config-error", "2", "3", "4", "5", "6"] as const;
const NOW = 1_800_000_000_000;

async function older(name: (typeof OLDER)[number]): Promise<string> {
  const path = join(await temporaryDirectory(), "controller.db");
  using db = new DatabaseSync(path);
  db.exec(readFileSync(join(import.meta.dirname, "stores", `${name}.sql`), "utf8"));
  return path;
}

/** Version, then each table with its columns, in a store that nobody has open. */
function shape(path: string): readonly unknown[] {
  using db = new DatabaseSync(path);
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const columns = db.prepare('SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY name');
  return [
    db.prepare("PRAGMA user_version").get()?.user_version,
    ...tables.map(({ name }) => [name, columns.all(String(name)).map((column) => Object.values(column).join(" "))]),
  ];
}

async function newShape(): Promise<readonly unknown[]> {
  const path = join(await temporaryDirectory(), "new.db");
  await (await createStore(path, { names: ["x"], port: 1, enrolPort: 2 })).close();
  return shape(path);
}

test.each(OLDER)("a store of version %s has the tables of a new one when it was opened", async (name) => {
  const path = await older(name);
  await (await openStore(path, NOW)).close();
  expect(shape(path)).toEqual(await newShape());
});

test.each(OLDER)("what a store of version %s held is there, and it is written on", async (name) => {
  const path = await older(name);
  const store = await openStore(path, NOW);
  expect(store).toMatchObject({
    epoch: 2,
    migratedFrom: Number(name[0]),
    settings: { names: ["ctl.example.net"], port: 7443, enrolPort: 7444 },
  });
  expect(await store.hosts.list()).toMatchObject([
    { id: "H1", name: "web01", labels: { role: "web", zone: "a" }, scanFailure: null },
    { id: "H2", name: "web02", report: null, scanFailure: null },
  ]);
  expect(await store.access(() => NOW).host("H1", "s-H1")).toBe(true);
  expect(await store.access(() => NOW).operator("admin", "s-admin")).toBe("admin");
  expect(await store.rollouts.open()).toMatchObject([
    { plan: { id: "r1", reason: "DSA-6001" }, events: [{ type: "started" }, { type: "stopping" }] },
  ]);
  await store.hosts.saveScanFailure("H2", { at: NOW, why: "no end within 600 s" });
  expect((await store.hosts.byId("H2"))?.scanFailure).toEqual({ at: NOW, why: "no end within 600 s" });
  await store.close();
  const again = await openStore(path, NOW);
  expect([again.epoch, again.migratedFrom]).toEqual([3, null]);
  await again.close();
});

test("a report that was not kept whole is asked for again; what was not counted is not said to be none", async () => {
  const told = { scannedAt: NOW, bootId: "b1", os: "debian 12", kernel: "6.1.0", reboot: null, unreadable: 6 };
  const findings = { service: 1, "xinetd-session": 2, application: 3, kernel: 4, microcode: 5 };
  const same = { ...told, findings, digest: "d1", configError: null, body: new Uint8Array() };
  const answers: unknown[] = [];
  for (const name of OLDER.filter((version) => version.startsWith("1"))) {
    const store = await openStore(await older(name), NOW);
    const { report } = (await store.hosts.byId("H1")) ?? {};
    answers.push([name, report?.unreadable ?? null, report?.configError ?? null]);
    answers.push(await store.hosts.saveReport("H1", same, NOW));
    await store.close();
  }
  expect(answers).toEqual([
    ["1-first", null, null],
    "body-needed",
    ["1-unreadable", 6, null],
    "body-needed",
    ["1-config-error", 6, "agent.yaml:3: grace: out of range"],
    "saved",
  ]);
});

test.each(OLDER)(
  "a controller that is killed while it brings version %s up leaves the old store or the new one",
  async (name) => {
    const before = await older(name);
    const [old, fresh] = [shape(before), await newShape()];
    const seen = new Set<unknown>();
    for (let nth = 1, isKilled = true; isKilled; nth++) {
      const path = `${before}.${nth}`;
      copyFileSync(before, path);
      const child = spawnSync(process.execPath, [join(import.meta.dirname, "store-killed.ts"), path, String(nth)]);
      isKilled = child.signal === "SIGKILL";
      expect(isKilled ? "killed" : child.status).toBe(isKilled ? "killed" : 0);
      const left = shape(path);
      expect([old, fresh]).toContainEqual(left);
      seen.add(left[0]);
      const store = await openStore(path, NOW);
      expect((await store.hosts.list()).map((host) => host.name)).toEqual(["web01", "web02"]);
      await store.close();
      expect(shape(path)).toEqual(fresh);
    }
    expect([...seen]).toEqual([Number(name[0]), SCHEMA_VERSION]);
  },
  180_000,
);

test.each<[string, string, RegExp]>([
  [
    "newer",
    `PRAGMA user_version=${SCHEMA_VERSION + 1}`,
    /store has version \d+, this program knows up to \d+; run the newer/,
  ],
  ["corrupt", "PRAGMA user_version=0", /store is corrupt: its version is 0; restore it from a backup/],
  ["corrupt", "DROP TABLE reports", /store is corrupt: its tables are not those of version 1: .*; restore it/],
  [
    "corrupt",
    `ALTER TABLE tokens DROP COLUMN failures`,
    /store is corrupt: it has no column failures in table tokens; restore it from a backup/,
  ],
])("a store that is refused (%s): %s", async (code, sql, message) => {
  const path = await older("1-config-error");
  {
    using db = new DatabaseSync(path);
    db.exec(sql);
  }
  await expect(openStore(path, NOW)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test("whoever changes the tables raises their version and writes a migration", () => {
  const digest = createHash("sha256").update(SCHEMA).digest("hex").slice(0, 16);
  // Never change a digest that was released: add the next version, and a store of the one before to stores/.
  expect([SCHEMA_VERSION, digest]).toEqual([7, "62a804077192c2ca"]);
});
