import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { cli } from "./cli-process.ts";
import { initialised, serve } from "./programs.ts";
import { trustedPlace } from "./trusted-place.ts";

// The log of what was done, as it is read and recomputed at the command line.

test("what people do is in the log with who and why, and the log is whole", async () => {
  const place = await trustedPlace();
  const { identity } = await place.join("web01");
  await place.admin("cordon", "web01", "--reason", "disk\u001b[2J swap");
  await place.admin("uncordon", "web01");
  await place.admin("freeze", "on", "--reason", "sales day");
  await place.admin("freeze", "off");
  await place.admin("hosts", "revoke", "web01", "--reason", "stolen", "--yes");
  const list = JSON.parse((await place.admin("audit", "list", "--all", "-o", "json")).out);
  const short = list.entries.map((entry: Record<string, string>) => `${entry.actor} ${entry.action}`);
  expect(short).toEqual([
    "init operator.add",
    "controller controller.start",
    "user/admin token.create",
    `host/${identity.hostId} host.enroll`,
    ...["user/admin host.cordon", "user/admin host.uncordon", "user/admin fleet.freeze", "user/admin fleet.thaw"],
    "user/admin host.revoke",
  ]);
  expect(list.entries[4]).toMatchObject({
    object: identity.hostId,
    body: expect.stringContaining("disk\\u001b[2J swap"),
  });
  const seen = await place.admin("audit", "list");
  expect(seen.out).toContain('reason="stolen"');
  expect(seen.out).not.toContain("\u001b");
  const mine = await place.admin("audit", "list", "--object", "web01", "--last", "1000", "-o", "jsonl");
  expect(
    mine.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).seq),
  ).toEqual([4, 5, 6, 9]);
  // Whatever is asked for is looked for in all of it, and the newest are shown.
  const enrolled = await place.admin("audit", "list", "--object", "web01", "--last", "1", "-o", "jsonl");
  expect(enrolled.out.trim().split("\n")).toHaveLength(1);
  const first = await place.admin("audit", "list", "--actor", "init", "--last", "1", "-o", "jsonl");
  expect(JSON.parse(first.out)).toMatchObject({ seq: 1, action: "operator.add" });
  const verified = await place.admin("audit", "verify");
  expect([verified.code, verified.out]).toEqual([
    0,
    expect.stringMatching(/^The audit log is whole: 9 entries\.\nHead 9:[0-9a-f]{64}\n$/),
  ]);
  await place.admin("freeze", "on", "--reason", "again");
  const later = await place.admin("audit", "verify");
  expect(later.out).toMatch(
    /^The audit log is whole: 10 entries\.\nIt goes on from entry 9, where it was verified last\.\nHead 10:/,
  );
}, 60_000);

const at = (dataDir: string, port: number, ...args: readonly string[]) =>
  cli([...args, "--controller", `localhost:${port}`, "--credentials", join(dataDir, "admin")]).ended;

/** A store with five entries of which one was verified; `change` is done to it while nobody serves it. */
async function tampered(change: (db: DatabaseSync) => void) {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  for (const reason of ["a", "b", "c"]) await at(dataDir, first.ports.fleet, "freeze", "on", "--reason", reason);
  expect((await at(dataDir, first.ports.fleet, "audit", "verify")).code).toBe(0);
  const head = (await readFile(join(dataDir, "admin/audit.head"), "utf8")).trim();
  await first.stop("SIGTERM");
  {
    using db = new DatabaseSync(join(dataDir, "controller.db"));
    // Who owns the file may drop what keeps it append-only, and put it back.
    const triggers = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
    for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
    change(db);
    for (const { sql } of triggers) db.exec(String(sql));
  }
  const second = await serve(dataDir);
  return { dataDir, head, port: second.ports.fleet };
}

test.each<[string, string, RegExp]>([
  [
    "a reason is rewritten",
    "UPDATE audit SET body = replace(body, 'b', 'x') WHERE seq = 4",
    /broken at entry 4: its hash does not fit/,
  ],
  ["an entry is gone", "DELETE FROM audit WHERE seq = 3", /broken at entry 3: entry 3 is missing/],
  [
    "the end is cut off",
    "DELETE FROM audit WHERE seq > 3",
    /broken at entry 5: it is not the entry that was there|broken at entry 5: the log ends/,
  ],
])(
  "%s: verify says so",
  async (_name, sql, said) => {
    const { dataDir, port, head } = await tampered((db) => db.exec(sql));
    const verify = await at(dataDir, port, "audit", "verify");
    expect([verify.code, verify.out, verify.err]).toEqual([2, "", expect.stringMatching(said)]);
    // The head that was known stays known.
    expect((await readFile(join(dataDir, "admin/audit.head"), "utf8")).trim()).toBe(head);
  },
  60_000,
);

test("a history that is written anew as a whole contradicts what was told before", async () => {
  const { dataDir, port, head } = await tampered((db) => db.exec("DELETE FROM audit"));
  const forged = await at(dataDir, port, "audit", "verify");
  expect([forged.code, forged.err]).toEqual([2, expect.stringContaining("broken at entry 5: the log ends at entry")]);
  await writeFile(join(dataDir, "admin/audit.head"), "");
  const lost = await at(dataDir, port, "audit", "verify");
  expect([lost.code, lost.err]).toEqual([5, expect.stringContaining("is damaged")]);
  expect((await at(dataDir, port, "audit", "verify", "--anew")).code).toBe(0); // as somebody who never verified it
  const told = await at(dataDir, port, "audit", "verify", "--head", head); // as a host's log has it
  expect([told.code, told.err]).toEqual([2, expect.stringContaining("broken at entry 5")]);
  for (const wrong of ["", "5", "5:zz", `5:${"0".repeat(63)}`]) {
    const { code, err } = await at(dataDir, port, "audit", "verify", "--head", wrong);
    expect([wrong, code, err.split("\n").length]).toEqual([wrong, 5, 2]);
  }
}, 60_000);

test("no entry is changed or removed through the store", async () => {
  const place = await trustedPlace();
  const path = join(place.controller.dataDir, "controller.db");
  await place.controller.close();
  using db = new DatabaseSync(path);
  for (const sql of ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE seq = 1"])
    expect(() => db.exec(sql)).toThrow("the audit log is append-only");
});
