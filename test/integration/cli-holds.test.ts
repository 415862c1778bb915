import { join } from "node:path";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { parseToken } from "@afterpatch/wire/token";
import { expect, test } from "vitest";
import { cli } from "./cli-process.ts";
import { initialised, newToken, type RunningController, serve, temporaryDirectory } from "./programs.ts";

// Cordons and freezes as an operator types them, before a real controller.

type Place = Pick<RunningController, "dataDir" | "ports">;

async function enrolled(controller: Place, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const token = parseToken(await newToken(controller));
    if (!token) throw new Error("the controller made no token");
    const address = { host: "localhost", port: controller.ports.enrol };
    const stateDir = await temporaryDirectory();
    await enroll({ controller: address, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
  }
}

const at = (controller: Place, ...args: readonly string[]) => {
  const to = ["--controller", `localhost:${controller.ports.fleet}`];
  return cli([...args, ...to, "--credentials", join(controller.dataDir, "admin")]).ended;
};

test("a cordon is seen in status and plan, outlives the controller, and ends", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  await enrolled(first, "web01", "web02");
  const done = await at(first, "cordon", "web01", "--reason", "disk\u001b[2J swap", "--until", "2h");
  expect([done.code, done.err]).toEqual([0, ""]);
  expect(done.out).toMatch(/^Cordoned web01 by admin: disk\\u\{1b\}\[2J swap, until 20\d\d-.*Z\n$/);
  await first.stop("SIGTERM");
  const second = await serve(dataDir);
  const status = JSON.parse((await at(second, "status", "-o", "json")).out);
  expect(status).toMatchObject({
    hosts: [
      { name: "web01", state: "cordoned", presence: "late", cordon: { actor: "admin", reason: "disk\\u{1b}[2J swap" } },
      { name: "web02", state: "late", cordon: null },
    ],
    totals: { states: { cordoned: 1, late: 1 }, presence: { connected: 0, late: 2, lost: 0 } },
  });
  expect((await at(second, "status")).out).toContain("\nweb01: cordoned by admin: disk\\u{1b}[2J swap, until 20");
  const plan = JSON.parse((await at(second, "plan", "web01", "-o", "json")).out);
  expect(plan.uncovered[0].why).toMatch(/^cordoned by admin: disk\\u\{1b\}\[2J swap \(until /);
  const free = await at(second, "uncordon", "all", "-o", "json");
  expect(JSON.parse(free.out)).toMatchObject({
    schema: "afterpatch.cordons/v1",
    hosts: [
      { name: "web01", cordon: null, before: { actor: "admin" } },
      { name: "web02", cordon: null, before: null },
    ],
  });
  expect((await at(second, "uncordon", "web02")).out).toBe("Not cordoned: web02\n");
}, 60_000);

test("a freeze is shown, kept over a restart, and ended", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  expect((await at(first, "freeze")).out).toBe("Not frozen\n");
  expect((await at(first, "freeze", "on", "--reason", "sales day")).out).toMatch(
    /^Frozen since \S+Z by admin: sales day\nNo rollout is open\n$/,
  );
  await first.stop("SIGTERM");
  const second = await serve(dataDir);
  expect(JSON.parse((await at(second, "freeze", "-o", "json")).out)).toMatchObject({
    schema: "afterpatch.freeze/v1",
    freeze: { actor: "admin", reason: "sales day", until: null },
    openRollouts: [],
  });
  expect((await at(second, "freeze", "off")).out).toBe("Thawed; it was frozen by admin: sales day\n");
  expect((await at(second, "freeze", "off")).out).toBe("Not frozen\n");
}, 60_000);

test.each<[readonly string[], number, RegExp]>([
  [["cordon", "web01"], 5, /cordon: --reason: is missing|--reason: is missing; say why/],
  [["cordon", "web01", "--reason", " "], 5, /--reason: is missing; say why/],
  [["cordon", "web01", "--reason", "x", "--until", "tomorrow"], 5, /--until: 'tomorrow' is neither a duration nor an/],
  [["cordon", "web01", "--reason", "x", "--until", "2026-12-01T08:00"], 5, /with its zone like 2026-12-01T08:00Z/],
  [["cordon", "web01", "--reason", "x", "--until", "0h"], 5, /--until: 0 has passed already/],
  [["freeze", "off", "--reason", "x"], 5, /--reason and --until are of 'freeze on'/],
  [["freeze", "maybe"], 5, /turn/],
  [["freeze", "on"], 5, /--reason: is missing; say why/],
])("%j is one clear line", async (args, code, why) => {
  const { ended } = cli([...args, "--controller", "localhost:1", "--credentials", "/nonexistent"]);
  const { err, ...rest } = await ended;
  expect(err).toMatch(why);
  expect(err.split("\n")).toHaveLength(2);
  expect([rest.code, rest.out]).toEqual([code, ""]);
});

test("what only the controller knows is told as one line too", async () => {
  const controller = await serve(await initialised());
  await enrolled(controller, "web01");
  const past = await at(controller, "cordon", "web01", "--reason", "x", "--until", "2020-01-01T00:00Z");
  expect([past.code, past.err]).toEqual([5, expect.stringMatching(/its end has passed already, by the controller's/)]);
  const nobody = await at(controller, "cordon", "wbe01", "--reason", "x");
  expect([nobody.code, nobody.err]).toEqual([6, expect.stringMatching(/nothing matches 'wbe01' \(nearest: web01\)/)]);
}, 60_000);

test("a host that is away is written off by name and reason, and status, why and a later start say what is so", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  await enrolled(first, "web01", "web02");
  const away = await at(first, "why", "web01");
  expect(away.out).toMatch(
    /^web01\n {2}1\. no-rollout: no open rollout has work for it\n {2}2\. away: not connected, for \d+s\n$/,
  );
  const done = await at(first, "writeoff", "web01", "--reason", "board is dead\u001b");
  expect([done.code, done.out, done.err]).toEqual([0, "Written off web01; it was not connected\n", ""]);
  await first.stop("SIGTERM");
  const second = await serve(dataDir);
  const status = JSON.parse((await at(second, "status", "-o", "json")).out);
  expect(status.hosts).toMatchObject([
    { name: "web01", writtenOff: { actor: "admin", reason: "board is dead\\u{1b}", until: null }, charge: null },
    { name: "web02", writtenOff: null },
  ]);
  expect((await at(second, "status")).out).toContain(
    "\nweb01: written off by admin: board is dead\\u{1b}; charged to no",
  );
  expect((await at(second, "why", "web01")).out).not.toContain("away");
  for (const [args, code, why] of [
    [["writeoff", "web01", "--reason", "again"], 5, "writeoff: web01 is written off already; see 'afterpatch budgets'"],
    [["writeoff", "all", "--reason", "x"], 5, "writeoff: 'all' names 2 hosts; write the name of one"],
    [["writeoff", "web02"], 5, "--reason: is missing; say why, for those who read the log"],
    [["writeoff", "wbe02", "--reason", "x"], 6, "writeoff: nothing matches 'wbe02' (nearest: web02"],
    [["why", "web[01:02]"], 5, "why: 'web[01:02]' names 2 hosts; write the name of one"],
  ] as const) {
    const { err, ...rest } = await at(second, ...args);
    expect([rest.code, rest.out, err.split("\n").length]).toEqual([code, "", 2]);
    expect(err).toContain(`afterpatch: ${why}`);
  }
}, 60_000);
