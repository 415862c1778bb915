import { join } from "node:path";
import { createStore, openStore, reviveStore, type Store } from "@afterpatch/controller/store/store";
import { expect, onTestFinished, test } from "vitest";
import { cli } from "./cli-process.ts";
import { initialised, serve, start, temporaryDirectory, until } from "./programs.ts";
import { trustedPlace } from "./trusted-place.ts";

// The events of the fleet, as a person and as a program that comes back reads them.

const COUNTS = { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };
const REPORT = {
  ...{ scannedAt: 1, bootId: "b1", os: "debian 12", kernel: "6.1.0", unreadable: 0, configError: null },
  body: new Uint8Array([1]),
};

const eventsIn = (out: string): readonly Record<string, unknown>[] =>
  out
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

test("what happens to hosts and the fleet is one sequence, of which a part may be wanted", async () => {
  const place = await trustedPlace();
  const { identity } = await place.join("web01");
  await place.join("web02");
  const { hosts } = place.controller.store;
  const save = (digest: string, service: number, at: number) =>
    hosts.saveReport(identity.hostId, { ...REPORT, digest, findings: { ...COUNTS, service }, reboot: null }, at);
  for (const [index, [digest, count]] of (
    [
      ["d0", 0],
      ["d1", 2],
      ["d1", 2],
      ["d2", 3],
      ["d3", 0],
    ] as const
  ).entries())
    await save(digest, count, 1_000 + index);
  await place.admin("cordon", "web01", "--reason", "disk\u001b[2J swap");
  await place.admin("freeze", "on", "--reason", "sales day");
  const all = await place.admin("events", "-o", "jsonl");
  expect(all.code).toBe(0);
  const told = eventsIn(all.out);
  expect(told.map(({ type, host }) => `${type} ${host}`)).toEqual([
    "controller.start null",
    "host.enroll web01",
    "host.enroll web02",
    "host.report web01",
    ...["host.report web01", "host.old-code web01"],
    "host.report web01",
    ...["host.report web01", "host.clear web01"],
    "host.cordon web01",
    "fleet.freeze null",
  ]);
  expect(told.map(({ seq }) => seq)).toEqual(told.map((_event, index) => index + 1));
  expect(told[5]).toMatchObject({ actor: null, details: { findings: { service: 2 }, reboot: null } });
  const one = JSON.parse((await place.admin("events", "--host", "WEB01", "--since", "8", "-o", "json")).out);
  expect(one).toMatchObject({ schema: "afterpatch.events/v1", events: [{ seq: 9 }, { seq: 10 }] });
  const lines = await place.admin("events", "--since", "9");
  expect(lines.out).toMatch(/^ +10 {2}\S+ {2}host\.cordon {2}web01 {2}by user\/admin {2}.*disk\\\\u\{1b\}/);
  expect(lines.out).not.toContain("\u001b");
  const lately = eventsIn((await place.admin("events", "--since", "1h", "-o", "jsonl")).out);
  expect(lately.length).toBe(told.length);
});

test.each<[string, readonly string[], RegExp]>([
  [
    "a sequence that never was",
    ["--since", "99999"],
    /event 99999 is not of this controller, whose last one is \d+; begin/,
  ],
  ["neither a sequence nor a time", ["--since", "noon"], /--since: 'noon' is neither a sequence nor a time; write/],
  ["a document without an end", ["-w", "-o", "json"], /-w has no end; use -o jsonl/],
  ["a file without an end", ["-w", "--out", "x"], /--out: does not go with -w/],
  ["no host", ["--host", ""], /host is empty/],
])("refused: %s", async (_name, args, message) => {
  const place = await trustedPlace();
  const ended = await place.admin("events", ...args);
  expect([ended.code, ended.err]).toEqual([5, expect.stringMatching(message)]);
});

test("one that watches gets every event once over kill -9 of the controller, and so does one that comes back", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  const port = first.ports.fleet;
  const env = { AFTERPATCH_CREDENTIALS: join(dataDir, "admin"), AFTERPATCH_CONTROLLER: `localhost:${port}` };
  const admin = (...args: readonly string[]) => cli(args, env).ended;
  const watcher = cli(["events", "-w", "--since", "0", "-o", "jsonl"], env);
  onTestFinished(() => void watcher.child.kill("SIGKILL"));
  await watcher.printed('"controller.start"');
  await admin("freeze", "on", "--reason", "before");
  await watcher.printed("before");
  const before = eventsIn((await admin("events", "-o", "jsonl")).out);
  await first.stop("SIGKILL");
  await watcher.printed("lost the controller");
  const again = start("controller", [
    ...["serve", "--data-dir", dataDir, "--port", String(port), "--enrol-port", "0", "--http-port", "0"],
  ]);
  onTestFinished(() => void again.kill("SIGKILL"));
  let said = "";
  again.stdout?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until(() => said.includes("controller ready"));
  await admin("freeze", "off");
  await admin("freeze", "on", "--reason", "after");
  await watcher.printed("after");
  watcher.child.kill("SIGINT");
  const ended = await watcher.ended;
  const all = eventsIn((await admin("events", "-o", "jsonl")).out);
  expect(all.map(({ type }) => type)).toEqual([
    ...["controller.start", "fleet.freeze", "controller.start", "fleet.thaw", "fleet.freeze"],
  ]);
  expect([ended.code, eventsIn(ended.out)]).toEqual([130, all]);
  expect(ended.err).toContain("the controller is back");
  const rest = await admin("events", "-o", "jsonl", "--since", String(before.at(-1)?.seq));
  expect([...before, ...eventsIn(rest.out)]).toEqual(all);
});

test("after a restore from a backup no sequence is given twice, and one that was taken since is gone on from", async () => {
  const path = join(await temporaryDirectory(), "controller.db");
  await (await createStore(path, { names: ["x"], port: 1, enrolPort: 2 })).close();
  const now = Date.now();
  const freeze = async (store: Store, reason: string) => {
    await store.holds.setFreeze({ actor: "ops", reason, since: now, until: null }, { actor: "user/ops", at: now });
    return store.events.last();
  };
  const before = await openStore(path, now);
  await before.copy(`${path}.copy`);
  let taken = 0;
  for (let nth = 0; nth < 9; nth++) taken = await freeze(before, "since the copy was made");
  await before.close();
  await reviveStore(`${path}.copy`, {}, now);
  const after = await openStore(`${path}.copy`, now);
  const told = await after.events.after(taken, 10);
  await after.close();
  expect(told.map(({ type }) => type)).toEqual(["controller.restore", "fleet.freeze", "controller.start"]);
  expect(told[0]?.seq).toBeGreaterThan(taken);
});
