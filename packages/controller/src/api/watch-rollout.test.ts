import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { twoHosts } from "../../../../test/fakes/fleet.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";
import { Outlooks } from "./outlook.ts";
import { watchHandler } from "./watch-rollout.ts";

/** What a handler sees of a call: a stream that takes all that is written. */
class Call extends EventEmitter {
  readonly request = { id: "r1" };
  readonly written: object[] = [];
  readonly writableNeedDrain = false;
  readonly ended = Promise.withResolvers<void>();
  cancelled = false;

  write(message: object): boolean {
    this.written.push(message);
    return true;
  }

  end(): void {
    this.ended.resolve();
  }

  cancel(): void {
    this.cancelled = true;
    this.emit("cancelled");
  }
}

async function bench() {
  const { run } = await twoHosts(null);
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  const deps = { engine: run.engine, fleet: run.fleet, clock: run.clock };
  let reads = 0;
  const last = async () => {
    reads += 1;
    return [];
  };
  return { deps, engine: run.engine, last, reads: () => reads };
}

test("who leaves while the rollout is looked for is told nothing, and nothing waits for them", async () => {
  const { deps, last } = await bench();
  const call = new Call();
  // The rest of a call is not looked at.
  watchHandler(deps, { last })(call as unknown as Parameters<ReturnType<typeof watchHandler>>[0]);
  call.cancel();
  await call.ended.promise;
  expect(call.written).toEqual([]);
});

test("an outlook is found out once, however many watch", async () => {
  const { deps, engine, last, reads } = await bench();
  const outlooks = new Outlooks(deps, last);
  const view = await engine.view("r1");
  const [one, other] = [await outlooks.join("r1"), await outlooks.join("r1")];
  const told = one.of(view);
  expect(told.outlook).not.toBeNull();
  expect(other.of(view)).toEqual(told);
  expect(other.of(view).outlook).toBe(told.outlook);
  expect(reads()).toBe(1);
  for (const each of [one, other]) outlooks.leave("r1", each);
  await outlooks.join("r1");
  expect(reads()).toBe(2);
});

test("what the store refuses is asked of it again", async () => {
  const { deps, last } = await bench();
  let isBroken = true;
  const outlooks = new Outlooks(deps, async () => (isBroken ? Promise.reject(new Error("disk")) : last()));
  await expect(outlooks.join("r1")).rejects.toThrow("disk");
  isBroken = false;
  expect((await outlooks.join("r1")).watchers).toBe(1);
});
