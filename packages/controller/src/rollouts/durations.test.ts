import { expect, test } from "vitest";
import { CLEAN, permitOf, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";
import { Durations } from "./durations.ts";

test("a host is measured from its permit to its rest, where it ended done, and what has ended is read once", async () => {
  const { bench, run, web1, web2 } = await twoHosts({ ramp: [2], maxFail: 1 });
  let reads = 0;
  const store = {
    recent: async (limit: number) => {
      reads += 1;
      return (await bench.store.recent(limit)).map((stored) => (reads < 4 ? stored : { ...stored, events: [] }));
    },
  };
  const durations = new Durations(store);
  expect(await durations.last()).toEqual([]);
  bench.clockOff += 42_000;
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  expect(await durations.last()).toEqual([{ hostId: "web1", isRebooted: false, ms: 42_000 }]);
  await run.tells("web2", web2, notDone(permitOf(web2), "failed", "step-failed"));
  const last = await durations.last();
  expect(last).toHaveLength(1);
  expect(await durations.last()).toEqual(last);
});
