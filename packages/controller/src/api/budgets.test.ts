import { expect, test } from "vitest";
import { SILENT } from "../../../../test/fakes/controller.ts";
import { permitOf, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone } from "../../../../test/fakes/reports.ts";
import { budgetedPlan, rolloutPlan } from "../../../../test/fakes/rollout.ts";
import { listBudgets } from "./budgets.ts";
import { writeOff } from "./charges.ts";
import { cordon, orderOf } from "./holds.ts";

const FILE = `apiVersion: afterpatch/v1
kind: Rollout
budgets:
  - {maxUnavailable: 50%}
  - {by: role, maxGroups: 1}
`;

async function bench() {
  const two = await twoHosts(null);
  const { run } = two;
  const live = { hosts: two.bench.hosts, engine: run.engine, clock: run.clock, log: SILENT };
  const deps = { ...live, fleet: run.fleet, register: run.register };
  /** Each budget with its groups: size, most, left, who is charged why. */
  const told = async (file = "") =>
    (await listBudgets(deps, file)).budgets.map(({ rolloutId, limit, groups }) => [
      rolloutId,
      limit?.left ?? null,
      ...groups.map(({ size, most, left, charged, writtenOff }) => [
        `${left} of ${most} of ${size}`,
        ...charged.map(({ name, causes }) => `${name}: ${causes.map(({ why }) => why).join("; ")}`),
        ...writtenOff.map(({ name, by }) => `${name} written off by ${by.actor}: ${by.reason}`),
      ]),
    ]);
  return { ...two, deps, told };
}

test("who is charged to the budgets of an open rollout, why, and what is left", async () => {
  const { run, web1, deps, told } = await bench();
  expect(await told()).toEqual([]);
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  await run.engine.start(budgetedPlan("r2", "web2"), "request-2");
  expect(await told()).toEqual([["r2", null, ["0 of 1 of 2", "web1: in hand of rollout r1 (permitted)"]]]);
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  const [[, , group] = []] = await told();
  expect(group).toEqual(["0 of 1 of 2", expect.stringMatching(/^web1: failed or lost in rollout r1: /)]);
  await run.lose("web1", web1);
  expect((await told())[0]?.[2]?.toString()).toMatch(
    /^0 of 1 of 2,web1: failed or lost in rollout r1: .*; not connected$/,
  );
  await writeOff(deps, "web1", "dead", "ada");
  // Nobody else is in the way: it is web2's turn.
  expect(await told()).toEqual([
    ["r2", null, ["0 of 1 of 2", "web2: in hand of rollout r2 (permitted)", "web1 written off by ada: dead"]],
  ]);
});

test("what is told to be charged is what holds a host back", async () => {
  const { run, deps, told } = await bench();
  await cordon(deps, "web1", orderOf({ reason: "disk", forMs: 0, untilAt: 0 }, "ada", run.clock));
  const held = await run.engine.start(budgetedPlan("r2", "web2"), "request-2");
  expect(held.why).toBe("budget (all): 1 of 2 unavailable, at most 1");
  expect(await told()).toEqual([["r2", null, ["0 of 1 of 2", "web1: cordoned by ada: disk"]]]);
});

test("a file's budgets are counted over the fleet of now", async () => {
  const { run, web2, told } = await bench();
  await run.lose("web2", web2);
  expect(await told(FILE)).toEqual([
    ["", null, ["0 of 1 of 2", "web2: not connected"]],
    // Hosts without the label are a group each.
    ["", 0, ["1 of 1 of 1"], ["0 of 1 of 1", "web2: not connected"]],
  ]);
  await expect(told("budgets: [")).rejects.toMatchObject({ code: "bad-argument" });
  const nobody = FILE.replace("by: role,", "by: role, select: mail,");
  await expect(told(nobody)).rejects.toMatchObject({ code: "selection-empty" });
});
