import { join } from "node:path";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { parseToken } from "@afterpatch/wire/token";
import { expect, test } from "vitest";
import { cli } from "./cli-process.ts";
import { controllerHere, type OpenedController } from "./in-process.ts";
import { newToken, temporaryDirectory } from "./programs.ts";

// The operator's program before a real controller: what only both together show.

/** Enrols hosts that never connect. */
async function enrolled(controller: OpenedController, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const token = parseToken(await newToken(controller));
    if (!token) throw new Error("the controller made no token");
    const address = { host: "localhost", port: controller.ports.enrol };
    const stateDir = await temporaryDirectory();
    await enroll({ controller: address, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
  }
}

const at = (controller: OpenedController, ...args: readonly string[]) => {
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
    ["x".repeat(900), 6, /^afterpatch: plan: nothing matches 'x+…x+'; see 'afterpatch status'/],
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
