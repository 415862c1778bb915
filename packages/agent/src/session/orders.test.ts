import { planDigest } from "@afterpatch/core/plan/digest";
import type { Permit, PermitUpdate } from "@afterpatch/core/session";
import { describe, expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { type MemoryJournal, memoryJournal } from "../../../../test/fakes/journal.ts";
import { type FakeHost, FakeCrash, fakeHost } from "../../../../test/fakes/machine.ts";
import type { JournalRecord, Machine } from "../ports.ts";
import { NO_RULES } from "../vetoes/rules.ts";
import { PERMIT, STEPS } from "../../../../test/fakes/session.ts";
import { Orders, type Refusal } from "./orders.ts";
import { reportOf, sha256 } from "./report.ts";

interface Agent {
  readonly host: FakeHost;
  readonly journal: MemoryJournal;
  readonly orders: Orders;
  readonly updates: PermitUpdate[];
  /** The agent dies and starts anew on the same host. */
  restarted(machine?: Machine): Agent;
}

interface Given {
  readonly refusal?: Refusal;
  readonly isLocked?: boolean;
  readonly records?: readonly JournalRecord[];
  readonly failAt?: { readonly append: number; readonly when: "before" | "after" };
}

/** A host with an old sshd, and its agent. */
function agent(given: Given = {}): Agent {
  const host = fakeHost({ units: [{ name: "ssh.service", isOld: true }] }, clock);
  return agentOn(host, memoryJournal(given), host.machine(), given);
}

const clock = fakeClock();

function agentOn(host: FakeHost, journal: MemoryJournal, machine: Machine, given: Given): Agent {
  const updates: PermitUpdate[] = [];
  const orders = new Orders({
    ...{ hostId: "h1", machine, rules: NO_RULES, journal, clock, sha256, reportOf },
    lock: () => (given.isLocked ? null : () => {}),
    emit: (update) => updates.push(update),
    signal: new AbortController().signal,
    ...(given.refusal ? { refusal: given.refusal } : {}),
  });
  const restarted = (next = host.machine()) => agentOn(host, journal.crash(), next, {});
  return { host, journal, orders, updates, restarted };
}

async function take({ orders }: Agent, permit: Partial<Permit> = {}, epoch = 3): Promise<void> {
  const { done } = await orders.take({ ...PERMIT, ...permit }, epoch);
  await done;
}

/** Result and code of each ending that was told. */
function endings({ updates }: Agent): readonly string[] {
  return updates.flatMap((u) => (u.state === "finished" ? [`${u.outcome.result} ${u.outcome.code}`.trim()] : []));
}

describe("a permit that is taken", () => {
  test("is carried out once, however often it arrives, and answered each time with the same proof", async () => {
    const web = agent();
    await take(web);
    await take(web);
    expect(endings(web)).toEqual(["verified", "verified"]);
    expect(web.host.effects).toEqual(["restart-service:ssh.service"]);
    expect(web.updates.map((u) => u.state)).toEqual([
      "acting",
      "acting",
      "settling",
      "verifying",
      "finished",
      "finished",
    ]);
    expect(web.updates.at(-1)).toEqual(web.updates.at(-2));
    expect(web.updates.at(-1)).toMatchObject({ outcome: { proof: { bootId: "boot-1", findings: { service: 0 } } } });
  });

  test("is on the disk before anything else, and nothing is done when it cannot be written", async () => {
    const web = agent({ failAt: { append: 1, when: "before" } });
    await expect(web.orders.take(PERMIT, 3)).rejects.toMatchObject({ name: "JournalError" });
    expect([web.host.effects, web.updates]).toEqual([[], []]);
  });

  test("of a newer epoch than the host has seen is taken", async () => {
    const web = agent();
    await take(web, { epoch: 4 });
    expect(endings(web)).toEqual(["verified"]);
  });

  test("is answered with where it stands while it is carried out", async () => {
    const web = agent();
    const { done } = await web.orders.take(PERMIT, 3);
    const again = await web.orders.take(PERMIT, 3);
    expect(web.updates.at(-1)).toMatchObject({ permitId: "p1", state: "acting" });
    await Promise.all([done, again.done]);
    expect(web.host.effects).toHaveLength(1);
  });
});

const REFUSALS: readonly [string, Partial<Permit>, Given?][] = [
  ["wrong-host", { hostId: "h2" }],
  ["old-epoch", { epoch: 2 }],
  ["wrong-boot", { bootId: "boot-0" }],
  ["bad-digest", { planDigest: "0".repeat(64) }],
  ["bad-digest", { steps: [...STEPS, { kind: "restart-service", target: "nginx.service" }] }],
  ["unknown-verb", verb("restart-container")],
  ["not-begun-in-time", { beginWithinMs: 0 }],
  ["not-begun-in-time", { beginWithinMs: -1 }],
  ["busy", {}, { isLocked: true }],
  ["not-root", {}, { refusal: { code: "not-root", message: "runs without root" } }],
];

function verb(kind: string): Partial<Permit> {
  const steps = [{ kind, target: "host" }];
  return { steps, planDigest: planDigest(steps, sha256) };
}

describe.each(REFUSALS)("%s", (code, wrong, given) => {
  test("refuses with nothing done and no proof", async () => {
    const web = agent(given);
    await take(web, wrong);
    expect(endings(web)).toEqual([`refused ${code}`]);
    expect(web.host.effects).toEqual([]);
    expect(web.updates).toMatchObject([{ permitId: "p1", steps: [], outcome: { proof: null, residue: [] } }]);
  });

  test("refuses for good: the same permit is refused when nothing is wrong any more", async () => {
    const before = agent(given);
    await take(before, wrong);
    const web = before.restarted();
    await web.orders.resume();
    await take(web);
    expect(endings(web)).toEqual([`refused ${code}`]);
    expect(web.host.effects).toEqual([]);
  });

  test.each(["before", "after"] as const)(
    "cut off by a crash %s the journal has it, it is never carried out",
    async (when) => {
      const before = agent({ ...given, failAt: { append: 1, when } });
      await expect(before.orders.take({ ...PERMIT, ...wrong }, 3)).rejects.toMatchObject({ name: "JournalError" });
      const web = before.restarted();
      await web.orders.resume();
      await web.orders.tellEndings();
      expect(web.host.effects).toEqual([]);
      expect(endings(web)).toEqual(when === "after" ? [`refused ${code}`] : []);
      expect(web.orders.unacknowledged().map((u) => u.permitId)).toEqual(when === "after" ? ["p1"] : []);
    },
  );
});

test("one permit at a time: another one meanwhile is refused as busy, and one afterwards is taken", async () => {
  const web = agent();
  const { done } = await web.orders.take(PERMIT, 3);
  await take(web, { permitId: "p2" });
  expect(endings(web)).toEqual(["refused busy"]);
  await done;
  web.host.upgrade("ssh.service");
  await take(web, { permitId: "p3" });
  expect(endings(web)).toEqual(["refused busy", "verified", "verified"]);
});

describe("what Hello lists", () => {
  test("nothing before the first permit", () => {
    expect(agent().orders.unacknowledged()).toEqual([]);
  });

  test("a permit that is being carried out, with where it stands", async () => {
    const web = agent();
    const { done } = await web.orders.take(PERMIT, 3);
    expect(web.orders.unacknowledged()).toMatchObject([{ permitId: "p1", state: "acting" }]);
    await done;
  });

  test("one that ended, until the controller has stored it, also after a restart", async () => {
    const before = agent();
    await take(before);
    expect(before.orders.unacknowledged()).toMatchObject([
      { permitId: "p1", state: "verifying", steps: [{ target: "ssh.service", outcome: "done" }] },
    ]);
    const web = before.restarted();
    expect(web.orders.unacknowledged()).toMatchObject([{ permitId: "p1" }]);
    await web.orders.acknowledge("p1");
    expect(web.orders.unacknowledged()).toEqual([]);
    expect(web.restarted().orders.unacknowledged()).toEqual([]);
  });

  test("not what a person ordered on the host", async () => {
    const local: JournalRecord[] = [
      { ...begun("apply-1"), order: { ...begun("apply-1").order, from: { kind: "local" } } },
      { type: "ended", op: "apply-1", ending: { result: "verified", code: "", message: "", residue: [] }, at: 1 },
    ];
    expect(agent({ records: local }).orders.unacknowledged()).toEqual([]);
  });
});

describe("acknowledged", () => {
  test("an ending is told until then and not after", async () => {
    const web = agent();
    await take(web);
    await web.orders.tellEndings();
    expect(endings(web)).toHaveLength(2);
    await web.orders.acknowledge("p1");
    await web.orders.tellEndings();
    expect(endings(web)).toHaveLength(2);
  });

  test("of a permit that has not ended nothing is told", async () => {
    const web = agent({ records: [begun("p1")] });
    await web.orders.tellEndings();
    expect(web.updates).toEqual([]);
  });

  test("twice writes once, and what has not ended or is unknown writes nothing", async () => {
    const web = agent();
    const { done } = await web.orders.take(PERMIT, 3);
    await web.orders.acknowledge("p1");
    await web.orders.acknowledge("p7");
    await done;
    await web.orders.acknowledge("p1");
    await web.orders.acknowledge("p1");
    expect(web.journal.records().filter((r) => r.type === "acknowledged")).toHaveLength(1);
  });

  test("the same permit is still answered, not carried out again", async () => {
    const before = agent();
    await take(before);
    await before.orders.acknowledge("p1");
    const web = before.restarted();
    web.host.upgrade("ssh.service");
    await take(web);
    expect(endings(web)).toEqual(["verified"]);
    expect(web.host.effects).toHaveLength(1);
  });
});

describe("after a crash", () => {
  test.each(["before", "after"] as const)("%s the effect, the permit is brought to its end once", async (when) => {
    const before = agent();
    const dying = before.restarted(before.host.machine({ effect: 1, when }));
    const { done } = await dying.orders.take(PERMIT, 3);
    await expect(done).rejects.toThrow(FakeCrash);
    const web = dying.restarted();
    expect(web.orders.unacknowledged()).toMatchObject([{ permitId: "p1" }]);
    await web.orders.resume();
    expect(endings(web)).toEqual(["verified"]);
    expect(web.host.effects).toEqual(["restart-service:ssh.service"]);
  });

  test("a permit is refused while the one of before is brought to its end", async () => {
    const web = agent({ records: [begun("p0")] });
    const resumed = web.orders.resume();
    await take(web, { permitId: "p2" });
    expect(endings(web)).toContain("refused busy");
    await resumed;
    expect(web.updates.at(-1)).toMatchObject({ permitId: "p0", outcome: { result: "verified" } });
  });

  test("a permit begun before the host was booted anew does nothing", async () => {
    const before = agent({ records: [begun("p1")] });
    before.host.reboot();
    before.host.upgrade("ssh.service");
    const web = before.restarted();
    await web.orders.resume();
    expect(endings(web)).toEqual(["refused wrong-boot"]);
    expect(web.host.effects).toEqual([]);
  });

  test("an ending that was not acknowledged is told with a scan of now", async () => {
    const before = agent();
    await take(before);
    const web = before.restarted();
    web.host.upgrade("ssh.service");
    await web.orders.tellEndings();
    expect(web.updates).toMatchObject([{ permitId: "p1", outcome: { proof: { findings: { service: 1 } } } }]);
  });

  test("while no scan can be made it is still verifying, and told when one can", async () => {
    const before = agent();
    await take(before);
    const web = before.restarted();
    web.host.setScanFailure("/proc is not mounted");
    await web.orders.tellEndings();
    expect(web.updates).toMatchObject([{ permitId: "p1", state: "verifying" }]);
    web.host.setScanFailure(null);
    await web.orders.tellEndings();
    expect(endings(web)).toEqual(["verified"]);
  });
});

function begun(op: string): Extract<JournalRecord, { type: "begun" }> {
  const { steps, deadlineMs, graceMs, settleMs, allowNew } = PERMIT;
  const from = { kind: "permit", rolloutId: "r1", epoch: 3 } as const;
  const order = { from, steps, deadlineMs, graceMs, settleMs, allowNew };
  return { type: "begun", op, order, bootId: "boot-1", at: clock.now(), sinceBootMs: clock.sinceBootMs() };
}
