import { expect, test } from "vitest";
import { SILENT } from "../../../../test/fakes/controller.ts";
import { CLEAN, permitOf, states, type TwoHosts, twoHosts } from "../../../../test/fakes/fleet.ts";
import { verified } from "../../../../test/fakes/reports.ts";
import { resumeOrder } from "../rollouts/orders.ts";
import { cordon, orderOf, setFreeze, uncordon } from "./holds.ts";

async function twoHeld() {
  const two = await twoHosts();
  const deps = (run: typeof two.run) => {
    const { register, engine, clock } = run;
    return { hosts: two.bench.hosts, register, engine, clock, log: SILENT };
  };
  const hold = (reason: string, forMs = 0) => orderOf({ reason, forMs, untilAt: 0 }, "ada", two.run.clock);
  return { ...two, deps: deps(two.run), depsOf: deps, hold };
}

/** Lets so much time pass, whether or not anything happens in it. */
async function pass({ time }: TwoHosts["bench"], ms: number): Promise<void> {
  time.after(ms, () => {});
  await time.run(() => false, ms);
}

test("a cordoned host waits and says so; one in hand finishes; uncordoned it goes on", async () => {
  const { run, web1, web2, deps, hold } = await twoHeld();
  const told = await cordon(deps, "all", hold("disk swap"));
  expect(told.hosts.map(({ name, inHandOf }) => [name, inHandOf])).toEqual([
    ["web1", "r1"],
    ["web2", ""],
  ]);
  expect(await states(run)).toBe("running permitted pending");
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  expect(await states(run)).toBe("running done pending");
  expect((await run.engine.view("r1")).why).toBe("cordoned: web2 by ada: disk swap");
  expect(web2.permits()).toEqual([]);
  await uncordon(deps, "web2", "eve");
  expect(await states(run)).toBe("running done permitted");
});

test("a cordon that has an end ends by itself, also over the controller's restart", async () => {
  const { bench, run, web1, deps, hold } = await twoHeld();
  await cordon(deps, "web2", hold("disk swap", 600_000));
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  await pass(bench, 599_000);
  expect(await states(run)).toBe("running done pending");
  const next = await bench.start();
  const again = await next.connect("web2");
  expect(await states(next)).toBe("running done pending");
  await pass(bench, 2_000);
  expect([await states(next), again.permits().length]).toEqual(["running done permitted", 1]);
});

test("a frozen fleet gets no permit from any rollout, hosts in hand finish, and the freeze is kept", async () => {
  const { bench, run, web1, deps, depsOf, hold } = await twoHeld();
  const told = await setFreeze(deps, hold("sales day"), "ada");
  expect(told).toMatchObject({ openRollouts: ["r1"], inHand: ["web1"] });
  expect((await run.engine.view("r1")).why).toContain("fleet freeze by ada: sales day");
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  expect(await states(run)).toBe("waiting-window done pending");
  const next = await bench.start();
  const again = await next.connect("web2");
  expect(await states(next)).toBe("waiting-window done pending");
  expect((await next.engine.view("r1")).why).toBe("fleet freeze by ada: sales day");
  await expect(next.engine.order("r1", resumeOrder("eve"))).rejects.toMatchObject({ code: "wrong-state" });
  await setFreeze(depsOf(next), null, "eve");
  expect([await states(next), again.permits().length]).toEqual(["running done permitted", 1]);
});

test("a freeze that has an end ends by itself", async () => {
  const { bench, run, web1, deps, hold } = await twoHeld();
  await setFreeze(deps, hold("sales day", 90_000), "ada");
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  expect((await run.engine.view("r1")).why).toMatch(
    /^fleet freeze by ada: sales day \(until \w{3} [\d-]{10} [\d:]{5} UTC\)$/,
  );
  await pass(bench, 91_000);
  expect(await states(run)).toBe("running done permitted");
});

test.each([
  ["without a reason", { reason: " ", forMs: 0, untilAt: 0 }, /a reason is missing/],
  ["of a novel", { reason: "x".repeat(1001), forMs: 0, untilAt: 0 }, /at most 1000/],
  ["that has ended", { reason: "x", forMs: 0, untilAt: 5 }, /its end has passed already/],
  ["with two ends", { reason: "x", forMs: 1, untilAt: 5 }, /not both/],
  ["for ever", { reason: "x", forMs: 1e15, untilAt: 0 }, /leave the end out/],
])("a hold %s is refused", (_name, order, why) => {
  expect(() => orderOf(order, "ada", { now: () => 1_000 })).toThrow(why);
});

test("a pattern that is empty or matches nobody holds nobody", async () => {
  const { run, deps, hold } = await twoHeld();
  await expect(cordon(deps, "", hold("x"))).rejects.toMatchObject({ code: "bad-argument" });
  await expect(cordon(deps, "web1,mail", hold("x"))).rejects.toMatchObject({ code: "selection-empty" });
  expect(run.register.now().cordons.size).toBe(0);
});
