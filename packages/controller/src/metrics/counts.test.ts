import { expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";
import { rollouts } from "../store/rollouts.ts";
import { Counts } from "./counts.ts";
import { Metrics } from "./metrics.ts";

async function lines(metrics: Metrics, name: string): Promise<readonly string[]> {
  const { body } = await metrics.text(false);
  return body.split("\n").filter((line) => line.startsWith(name));
}

test("a webhook fails from an attempt that failed to one that was heard", async () => {
  const metrics = new Metrics();
  const answers = [{ why: "503", isFinal: false }, null, { why: "404", isFinal: true }];
  const post = new Counts(metrics).posting(async () => answers.shift() ?? null);
  const seen: (readonly string[])[] = [];
  const tell = (signal: AbortSignal) => post("http://hook.invalid/", {}, signal, "m1");
  for (let turn = 0; turn < 3; turn++) {
    await tell(new AbortController().signal);
    seen.push(await lines(metrics, "afterpatch_webhooks_failing "));
  }
  expect(seen.flat()).toEqual([1, 0, 1].map((failing) => `afterpatch_webhooks_failing ${failing}`));
  await tell(AbortSignal.abort()); // cut off by the end of the controller: neither told nor failed
  expect(await lines(metrics, "afterpatch_webhook_deliveries_total{")).toEqual([
    'afterpatch_webhook_deliveries_total{outcome="told"} 1',
    'afterpatch_webhook_deliveries_total{outcome="failed"} 1',
    'afterpatch_webhook_deliveries_total{outcome="refused"} 1',
  ]);
});

test("how long scans took, as hosts say, and none longer than one that was given up", async () => {
  const metrics = new Metrics();
  const counts = new Counts(metrics);
  for (const ms of [90, 700, 4_294_967_295]) counts.scanTook(ms);
  const told = await lines(metrics, "afterpatch_agent_scan_duration_seconds");
  expect(told).toEqual(
    expect.arrayContaining([
      'afterpatch_agent_scan_duration_seconds_bucket{le="0.1"} 1',
      'afterpatch_agent_scan_duration_seconds_bucket{le="1"} 2',
      'afterpatch_agent_scan_duration_seconds_bucket{le="600"} 3',
      "afterpatch_agent_scan_duration_seconds_sum 600.79",
      "afterpatch_agent_scan_duration_seconds_count 3",
    ]),
  );
});

test("events of rollouts are counted once they are stored, a repeated request is not", async () => {
  const bench = await ControllerBench.with(["web1"]);
  const metrics = new Metrics();
  const store = new Counts(metrics).watching(rollouts(bench.db));
  const [plan, again] = [rolloutPlan({ id: "r1", hosts: ["web1"] }), rolloutPlan({ id: "r2", hosts: ["web1"] })];
  await store.create(plan, "q1", [{ type: "started", at: 1 }]);
  await store.create(again, "q1", [{ type: "started", at: 1 }]);
  const closed = { type: "closed", at: 2, state: "halted", why: "1 failed" } as const;
  const appended = { version: 1, event: closed, isClosing: true, charge: null };
  await store.append("r1", appended);
  await expect(store.append("r1", appended)).rejects.toThrow();
  const events = await lines(metrics, "afterpatch_rollout_events_total{");
  expect(events).toContain('afterpatch_rollout_events_total{type="started"} 1');
  expect(events).toContain('afterpatch_rollout_events_total{type="closed"} 1');
  expect(await lines(metrics, 'afterpatch_rollouts_ended_total{state="halted"}')).toEqual([
    'afterpatch_rollouts_ended_total{state="halted"} 1',
  ]);
});

test("one who asks hears that it failed, and the next one is answered", async () => {
  const metrics = new Metrics();
  let isBroken = true;
  metrics.add(() => {
    if (isBroken) throw new Error("store is closed");
  });
  await expect(metrics.text(false)).rejects.toThrow("store is closed");
  isBroken = false;
  expect((await metrics.text(true)).body).toMatch(/# EOF\n$/);
});
