import type { RebootOrder } from "@afterpatch/core/plan/reboot";
import { describe, expect, test } from "vitest";
import type { FakeClock } from "../../../../test/fakes/clock.ts";
import { rebooted, rebootOrder, rebootWorld } from "../../../../test/fakes/reboot-order.ts";
import { StepError } from "../effects/error.ts";
import { unfinished } from "../journal/operations.ts";
import type { Order } from "../ports.ts";

describe("people are given time", () => {
  const delayed = (more: Partial<RebootOrder> = {}, order: Partial<Order> = {}) =>
    rebootOrder({ delayMs: 300_000, message: "new kernel,\u001b[31m ask Ann", ...more }, order);
  const FIRST =
    "This host reboots in 5m, at 2023-11-14 22:20:00 UTC: new kernel,\\u{1b}[31m ask Ann. 'afterpatch-agent reboot --cancel' cancels it.";
  const permit = { from: { kind: "permit", rolloutId: "r1", epoch: 1 } } as const;

  test("they are told at its begin, a minute before, and when it comes", async () => {
    const world = rebootWorld({ order: delayed() });
    const done = await rebooted(world);
    expect(done.ending.result).toBe("verified");
    expect(world.host.reboots.told).toEqual([
      FIRST,
      FIRST.replace("in 5m", "in 1m"),
      "This host reboots now: new kernel,\\u{1b}[31m ask Ann.",
    ]);
    const [begun, announced, intent] = world.journal.records();
    expect([begun?.type, announced?.type, intent?.type]).toEqual(["begun", "announced", "intent"]);
    expect(intent?.type === "intent" && announced?.type === "announced" && intent.at - announced.at).toBe(300_000);
  });

  test("one of them cancels it: nothing was done, not even the sessions that were to be ended before", async () => {
    const steps = [
      { kind: "end-session", target: "imap" },
      { kind: "reboot", target: "host" },
    ];
    const order = delayed({ sessionsFirst: true }, { steps });
    const world = rebootWorld({ order, host: { services: [{ name: "imap", old: 1, fresh: 0 }] } });
    const sleep: FakeClock["sleep"] = async (ms) => {
      world.clock.pass(ms);
      if (world.host.reboots.waiting) world.host.reboots.cancel("alice: backups still run");
    };
    const done = await world.live({ clock: { ...world.clock, sleep } });
    const message = "cancelled by alice: backups still run";
    expect(done?.ending).toMatchObject({ result: "refused", code: "cancelled", message });
    expect(world.host.effects).toEqual([]);
    expect(world.host.sessions("imap").old).toBe(1);
    expect(world.host.reboots.told).toEqual([FIRST, `The reboot of this host does not take place: ${message}.`]);
  });

  test("it is asked again what speaks against it, and they are told when something does", async () => {
    const world = rebootWorld({ order: delayed() });
    const sleep: FakeClock["sleep"] = async (ms) => {
      world.clock.pass(ms);
      world.host.setBusy("dpkg (pid 7) holds its lock");
    };
    const done = await world.live({ clock: { ...world.clock, sleep } });
    expect(done?.ending).toMatchObject({ result: "refused", code: "package-lock" });
    expect(world.host.reboots.told.at(-1)).toContain("does not take place: dpkg (pid 7) holds its lock.");
    expect(world.host.reboots.waiting).toBeNull();
  });

  test("who cancels it in the last moment is not passed over", async () => {
    const world = rebootWorld({ order: delayed() });
    const machine = world.host.machine();
    const claim = (op: string) => world.host.reboots.cancel("alice") && machine.reboots.claim(op);
    const done = await world.live({ machine: { ...machine, reboots: { ...machine.reboots, claim } } });
    expect(done?.ending).toMatchObject({ result: "refused", code: "cancelled", message: "cancelled by alice" });
    expect(world.host.effects).toEqual([]);
  });

  test("one that nobody could cancel does not come", async () => {
    const world = rebootWorld({ order: delayed() });
    const machine = world.host.machine();
    const announce = () => {
      throw new StepError("unreadable", "whether a person cancels it cannot be told: ENOSPC");
    };
    const done = await world.live({ machine: { ...machine, reboots: { ...machine.reboots, announce } } });
    const message = "whether a person cancels it cannot be told: ENOSPC";
    expect(done?.ending).toMatchObject({ result: "refused", code: "impossible", message });
    expect(world.host.effects).toEqual([]);
  });

  test("no session is ended before it when something speaks against it meanwhile", async () => {
    const steps = [
      { kind: "end-session", target: "imap" },
      { kind: "reboot", target: "host" },
    ];
    const order = delayed({ sessionsFirst: true }, { steps });
    const world = rebootWorld({ order, host: { services: [{ name: "imap", old: 1, fresh: 0 }] } });
    const sleep: FakeClock["sleep"] = async (ms) => {
      world.clock.pass(ms);
      world.host.reboots.veto = { code: "scheduled-shutdown", message: "a poweroff is scheduled" };
    };
    const done = await world.live({ clock: { ...world.clock, sleep } });
    expect(done?.ending).toMatchObject({ result: "refused", code: "scheduled-shutdown" });
    expect(world.host.effects).toEqual([]);
  });

  test("nobody is told of one that something speaks against already", async () => {
    const world = rebootWorld({ order: delayed() });
    world.host.reboots.veto = { code: "scheduled-shutdown", message: "a poweroff is scheduled" };
    expect((await world.live())?.ending.code).toBe("scheduled-shutdown");
    expect(world.host.reboots.told).toEqual([]);
  });

  test("nobody is told of one that is not needed any more", async () => {
    const world = rebootWorld({
      order: delayed(),
      host: { reboots: { kernel: { running: "6.1.0-2", expected: "6.1.0-2" } } },
    });
    expect((await world.live())?.steps).toMatchObject([{ outcome: "skipped" }]);
    expect(world.host.reboots.told).toEqual([]);
  });

  test("an agent that is started anew meanwhile neither begins anew nor tells them again", async () => {
    const world = rebootWorld({ order: delayed({}, permit) });
    const stop = new AbortController();
    let slept = 0;
    const sleep: FakeClock["sleep"] = async (ms) => {
      world.clock.pass(ms);
      slept += ms;
      if (slept < 120_000) return;
      stop.abort(new Error("TERM"));
      throw stop.signal.reason;
    };
    expect(await world.live({ clock: { ...world.clock, sleep }, signal: stop.signal })).toBeNull();
    expect(unfinished(world.journal.records())).toHaveLength(1);
    expect(world.host.reboots.waiting).toMatchObject({ op: "op-0" });
    world.clock.pass(20_000);
    await rebooted(world);
    expect(world.host.reboots.told).toHaveLength(3);
    const [, announced, intent] = world.journal.records();
    expect(intent?.type === "intent" && announced?.type === "announced" && intent.at - announced.at).toBe(300_000);
  });

  test("cancelled while no agent runs", async () => {
    const world = rebootWorld({ order: delayed({}, permit) });
    const stop = new AbortController();
    const sleep = async () => Promise.reject(stop.abort(new Error("TERM")));
    expect(await world.live({ clock: { ...world.clock, sleep }, signal: stop.signal })).toBeNull();
    expect(world.host.reboots.cancel("bob")).toBe(true);
    expect((await world.live())?.ending).toMatchObject({ result: "refused", code: "cancelled" });
    expect(world.host.effects).toEqual([]);
  });

  test("who interrupts the command on a terminal does not mean it any more", async () => {
    const world = rebootWorld({ order: delayed() });
    const stop = new AbortController();
    const sleep = async () => Promise.reject(stop.abort(new Error("INT")));
    const done = await world.live({ clock: { ...world.clock, sleep }, signal: stop.signal });
    expect(done?.ending).toMatchObject({ result: "refused", code: "interrupted" });
    expect(world.host.reboots.told).toHaveLength(2);
  });

  test("somebody reboots the host meanwhile: it is not done a second time", async () => {
    const world = rebootWorld({ order: delayed({ mode: "always" }, permit) });
    const stop = new AbortController();
    const sleep = async () => Promise.reject(stop.abort(new Error("TERM")));
    await world.live({ clock: { ...world.clock, sleep }, signal: stop.signal });
    world.host.reboot();
    expect((await world.live())?.ending).toMatchObject({ result: "refused", code: "wrong-boot" });
    expect(world.host.effects).toEqual([]);
  });
});
