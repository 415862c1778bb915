import { expect, test } from "vitest";
import { CLEAN, permitOf, states, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";
import { abortOrder, pauseOrder, resumeOrder } from "./orders.ts";

test("a pause permits nobody any more, lets the host in hand end, and says by whom", async () => {
  const { run, web1, web2 } = await twoHosts();
  await run.engine.order("r1", pauseOrder("ops", "the database team is busy"));
  expect(await states(run)).toBe("paused permitted pending");
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  expect(await states(run)).toBe("paused done pending");
  expect((await run.engine.view("r1")).why).toBe("paused by ops: the database team is busy");
  expect(web2.permits()).toEqual([]);
});

test("a rollout that is resumed goes on", async () => {
  const { run, web1, web2 } = await twoHosts();
  await run.engine.order("r1", pauseOrder("ops", ""));
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  const resumed = await run.engine.order("r1", resumeOrder("eve"));
  expect(resumed.why).not.toContain("paused");
  expect(await states(run)).toBe("running done permitted");
  expect(web2.permits()).toHaveLength(1);
});

test("it stays paused over the controller's restart", async () => {
  const { bench, run } = await twoHosts();
  await run.engine.order("r1", pauseOrder("ops", "night"));
  const next = await bench.start();
  expect(await states(next)).toBe("paused permitted pending");
  expect((await next.engine.view("r1")).why).toBe("paused by ops: night");
});

test("a failure in a paused rollout trips its stop rule: nobody resumes into it", async () => {
  const { run, web1 } = await twoHosts();
  await run.engine.order("r1", pauseOrder("ops", ""));
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  expect(await states(run)).toBe("halted failed pending");
});

test("paused again, the new reason is kept and says whose it is; the same one is stored once", async () => {
  const { run } = await twoHosts();
  await run.engine.order("r1", pauseOrder("ops", ""));
  const again = await run.engine.order("r1", pauseOrder("eve", "the database team is busy"));
  expect([again.state, again.why]).toEqual(["paused", "paused by eve: the database team is busy"]);
  const same = await run.engine.order("r1", pauseOrder("eve", "the database team is busy"));
  expect(same.version).toBe(again.version);
});

test("asked for twice is stored once, and what has ended is neither paused nor resumed", async () => {
  const { run, web1 } = await twoHosts();
  const first = await run.engine.order("r1", pauseOrder("ops", ""));
  expect((await run.engine.order("r1", pauseOrder("eve", ""))).version).toBe(first.version);
  await run.engine.order("r1", abortOrder("ops", ""));
  await expect(run.engine.order("r1", resumeOrder("eve"))).rejects.toMatchObject({
    code: "wrong-state",
    message: "it is stopping, not paused",
  });
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  await expect(run.engine.order("r1", pauseOrder("ops", ""))).rejects.toMatchObject({ code: "already-ended" });
});
