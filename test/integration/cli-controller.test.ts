import { join } from "node:path";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { parseToken } from "@afterpatch/wire/token";
import { expect, test } from "vitest";
import { cli } from "./cli-process.ts";
import { controllerHere } from "./in-process.ts";
import { initialised, newToken, type RunningController, serve, temporaryDirectory } from "./programs.ts";

// The operator's program before a real controller: what only both together show.

type Place = Pick<RunningController, "dataDir" | "ports">;

/** Enrols hosts that never connect. */
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

test("wrong patterns, long and short, end with one bounded line and their code", async () => {
  const controller = await controllerHere();
  await enrolled(controller, "web01", "web02");
  const long = "x".repeat(100_000);
  const many = Array.from({ length: 10_000 }, (_, index) => `no${index}`).join(",");
  for (const [pattern, expected, why] of [
    [long, 5, /^afterpatch: plan: pattern 'x+…x+': a term of it is longer than 1000 characters: '/],
    [`${long},${long.slice(0, 10_000)}`, 5, /longer than 1000/],
    ["web[01", 5, /^afterpatch: plan: 'web\[01': the '\[' at character 4 is never closed/],
    ["web01]", 5, /the '\]' at character 6 closes nothing/],
    ["x".repeat(900), 6, /^afterpatch: plan: nothing matches 'x+…x+'; see 'afterpatch hosts list'/],
    [many, 6, /nothing matches 'no0', 'no1', 'no2' and 9997 more; /],
    ["wbe01", 6, /nothing matches 'wbe01' \(nearest: web01, web02\)/],
    ["a\u001bb", 6, /nothing matches 'a\\u\{1b\}b' \(/],
  ] as const) {
    const { code, out, err } = await at(controller, "plan", pattern);
    expect(err).toMatch(why);
    expect(err.length).toBeLessThan(600);
    expect([code, out, err.split("\n").length]).toEqual([expected, "", 2]);
  }
  for (const args of [
    ["rollout", "status", long],
    ["rollout", "abort", long],
    ["rollout", "watch", long],
  ]) {
    const { code, err } = await at(controller, ...args);
    expect(err.length).toBeLessThan(600);
    expect([code, err.split("\n").length]).toEqual([6, 2]);
  }
});

test("after a start of the controller hosts may be coming back: that is said, and nobody is called lost", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  await enrolled(first, "web01", "web02");
  expect((await at(first, "status")).err).toBe("");
  await first.stop("SIGTERM");
  const second = await serve(dataDir);
  await enrolled(second, "web03");
  const note =
    /^afterpatch: note: 2 of 3 hosts have not come back yet since the controller started \d+ s ago; ask again in a minute\n/;
  const status = await at(second, "status", "-o", "json");
  expect([status.code, status.err]).toEqual([0, expect.stringMatching(note)]);
  expect(JSON.parse(status.out)).toMatchObject({
    comingBack: { hosts: 2, selected: 3, startedMsAgo: expect.any(Number) },
    totals: { states: { late: 3, lost: 0 } },
  });
  const plan = await at(second, "plan", "all", "-o", "json", "--exit-code");
  expect([plan.code, plan.err]).toEqual([4, expect.stringMatching(note)]);
  const why = /^has not come back yet since the controller started \d+ s ago$/;
  expect(JSON.parse(plan.out)).toMatchObject({
    comingBack: { hosts: 2, selected: 3 },
    uncovered: [
      { name: "web01", why: expect.stringMatching(why) },
      { name: "web02", why: expect.stringMatching(why) },
      { name: "web03", why: "not connected" },
    ],
  });
  const start = await at(second, "rollout", "start", "web01", "--reason", "x", "--yes");
  expect(start.err).toMatch(/^afterpatch: note: 1 of 1 host has not come back yet/);
  expect(start.code).toBe(4);
  const scan = await at(second, "scan", "web01");
  expect([scan.code, scan.out]).toEqual([4, expect.stringMatching(/Not scanned: web01: has not come back yet since/)]);
});
