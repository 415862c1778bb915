import { planDigest } from "@afterpatch/core/plan/digest";
import { DEFAULT_REBOOT, NO_REBOOT } from "@afterpatch/core/plan/reboot";
import type { Permit, PermitUpdate } from "@afterpatch/core/session";
import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { FakeCrash, type FakeHostOptions, fakeHost } from "../../../../test/fakes/machine.ts";
import { PERMIT } from "../../../../test/fakes/session.ts";
import { NO_RULES, type Rules } from "../vetoes/rules.ts";
import { Orders } from "./orders.ts";
import { reportOf, sha256 } from "./report.ts";

const STEPS = [{ kind: "reboot", target: "host" }];
const REBOOT: Permit = { ...PERMIT, steps: STEPS, planDigest: planDigest(STEPS, sha256), reboot: DEFAULT_REBOOT };

/** A host that needs a reboot, and its agents, one after the other. */
function world(more: FakeHostOptions = {}, rules: Rules = NO_RULES) {
  const clock = fakeClock();
  const kernel = { running: "6.1.0-1-amd64", expected: "6.1.0-2-amd64" };
  const host = fakeHost({ ...more, reboots: { kernel, onBoot: () => clock.boot(30_000), ...more.reboots } }, clock);
  let journal = memoryJournal();
  return {
    ...{ host, clock },
    agent(signal = new AbortController().signal) {
      journal = journal.crash();
      const updates: PermitUpdate[] = [];
      const emit = (update: PermitUpdate) => void updates.push(update);
      const deps = { hostId: "h1", machine: host.machine(), rules, journal, clock, sha256, reportOf, emit, signal };
      return { updates, orders: new Orders({ ...deps, lock: () => () => {} }) };
    },
  };
}

type World = ReturnType<typeof world>;

/** An agent that takes the permit and goes down with its host. */
async function goDown({ agent }: World, permit = REBOOT): Promise<readonly PermitUpdate[]> {
  const { orders, updates } = agent();
  const { done } = await orders.take(permit, 3);
  await expect(done).rejects.toBeInstanceOf(FakeCrash);
  return updates;
}

const states = (updates: readonly PermitUpdate[]) => updates.map(({ state }) => state);
const endings = (updates: readonly PermitUpdate[]) =>
  updates.flatMap((u) => (u.state === "finished" ? [`${u.outcome.result} ${u.outcome.code}`.trim()] : []));

test("a permit reboots its host; the next agent says first that it is returning, and proves it", async () => {
  const web = world();
  expect(states(await goDown(web))).toEqual(["acting", "returning"]);
  const { orders, updates } = web.agent();
  const resumed = orders.resume();
  expect(orders.unacknowledged()).toMatchObject([{ permitId: "p1", state: "returning" }]);
  await resumed;
  expect([...new Set(states(updates))]).toEqual(["returning", "settling", "verifying", "finished"]);
  expect(updates.at(-1)).toMatchObject({
    outcome: { result: "verified", proof: { bootId: "boot-2", findings: { kernel: 0 } } },
  });
  expect(web.host.effects).toEqual(["reboot:host"]);
});

test("repeated after the boot it is answered with what came of it, by every agent that comes", async () => {
  const web = world();
  await goDown(web);
  for (let again = 0; again < 3; again++) {
    const { orders, updates } = web.agent();
    await orders.resume();
    const { done } = await orders.take(REBOOT, 3);
    await done;
    expect(new Set(endings(updates))).toEqual(new Set(["verified"]));
  }
  expect(web.host.effects).toEqual(["reboot:host"]);
  expect(web.host.reboots.boot).toBe(2);
});

test("a permit for the boot before is refused, however new it is", async () => {
  const web = world();
  await goDown(web);
  const { orders, updates } = web.agent();
  await orders.resume();
  const { done } = await orders.take({ ...REBOOT, permitId: "p2" }, 3);
  await done;
  expect(endings(updates)).toEqual(["verified", "refused wrong-boot"]);
  expect(web.host.reboots.boot).toBe(2);
});

test("a permit that leaves reboots out and has one is refused", async () => {
  const { orders, updates } = world().agent();
  const { done } = await orders.take({ ...REBOOT, reboot: NO_REBOOT }, 3);
  await done;
  expect(endings(updates)).toEqual(["refused unknown-verb"]);
});

test("the settle time of the host's own file counts where it is longer", async () => {
  const least = async () => ({ graceMs: 0, settleMs: 300_000 });
  const web = world({}, { ...NO_RULES, least });
  await goDown(web);
  const before = web.clock.sinceBootMs();
  await web.agent().orders.resume();
  expect(web.clock.sinceBootMs() - before).toBe(300_000);
});
