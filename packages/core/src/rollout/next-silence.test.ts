import { describe, expect, test } from "vitest";
import { acted, decide, END_BY, HOUR, lost, said, WEB } from "../../../../test/fakes/decisions.ts";
import {
  abortRequested,
  ALONE,
  fleetOf,
  permitted,
  stopping,
  T0,
  TIMING,
  unreachable,
} from "../../../../test/fakes/rollout.ts";
import type { FleetView } from "./next.ts";
import type { RolloutEvent } from "./event.ts";

describe("silence", () => {
  const away = (since: number) => fleetOf(WEB, { web1: since });
  const SILENT = TIMING.unreachableAfterMs;
  test.each<[string, readonly RolloutEvent[], FleetView, number, string, number | null]>([
    [
      "a pending host may be away for a while, and the next one is taken",
      [],
      away(T0),
      T0 + SILENT - 1,
      "permit web2",
      T0 + SILENT,
    ],
    ["then it is unreachable", [], away(T0), T0 + SILENT, "unreachable web1", T0 + SILENT],
    ["and does not hold up the others", [unreachable("web1")], away(T0), T0 + SILENT, "permit web2", null],
    [
      "one never seen is away since we listen",
      [],
      { ...ALONE, hosts: new Map(), listeningSince: T0 },
      T0 + SILENT,
      WEB.map((h) => `unreachable ${h}`).join(", "),
      T0 + SILENT,
    ],
    ["not earlier", [], { ...ALONE, hosts: new Map(), listeningSince: T0 }, T0 + SILENT - 1, "", T0 + SILENT],
    ["it returns while the rollout is open", [unreachable("web1")], fleetOf(WEB), T0, "returned web1", T0],
    ["one that was permitted does not", lost("web1"), fleetOf(WEB), T0, "stop", T0],
    ["nor does any while it stops", [unreachable("web1"), stopping], fleetOf(WEB), T0, "close halted", null],
    [
      "a permit not begun is asked for",
      [permitted("web1")],
      fleetOf(WEB),
      T0 + TIMING.beginWithinMs,
      "ask-again web1",
      T0 + TIMING.beginWithinMs,
    ],
    [
      "not before its time",
      [permitted("web1")],
      fleetOf(WEB),
      T0 + TIMING.beginWithinMs - 1,
      "",
      T0 + TIMING.beginWithinMs,
    ],
    ["nor once begun", acted("web1"), fleetOf(WEB), END_BY, "", END_BY + SILENT],
    ["nor of a host that is away", [permitted("web1")], away(T0), T0 + TIMING.beginWithinMs, "", END_BY + SILENT],
    ["no result by the deadline", acted("web1"), fleetOf(WEB), END_BY + SILENT, "unreachable web1", END_BY + SILENT],
    [
      "also while it stops",
      [...acted("web1"), abortRequested],
      away(T0),
      END_BY + SILENT,
      "unreachable web1",
      END_BY + SILENT,
    ],
  ])("%s", (_name, events, fleet, now, expected, wakeAt) => {
    const { decisions, wakeAt: at } = decide({}, events, fleet, now);
    expect([said(decisions), at]).toEqual([expected, wakeAt]);
  });

  test("a controller that was down for hours gives its hosts time to come back with their results", () => {
    const back = END_BY + 5 * HOUR;
    const fleet: FleetView = { ...ALONE, hosts: new Map(), listeningSince: back };
    expect(said(decide({ hosts: ["web1"] }, acted("web1"), fleet, back).decisions)).toBe("");
    expect(said(decide({ hosts: ["web1"] }, acted("web1"), fleet, back + SILENT).decisions)).toBe("unreachable web1");
  });

  test("a host without an answer stays charged", () => {
    expect(said(decide({ ramp: [2], maxFail: 1 }, lost("web1")).decisions)).toBe("permit web2");
    expect(said(decide({ ramp: [3], maxFail: 1 }, lost("web1")).decisions)).toBe("permit web2, permit web3");
  });

  test("when such hosts use up the ramp it halts instead of hanging", () => {
    const { decisions } = decide({ ramp: [1], maxFail: 1 }, lost("web1"));
    expect(decisions).toEqual([{ kind: "stop", why: "no room left: web1 did not answer and may be down still" }]);
    expect(said(decide({ ramp: [2], maxFail: 2 }, [...lost("web1"), permitted("web2")]).decisions)).toBe("");
  });

  test("only hosts that are connected are permitted, the next ready one in the place of one away", () => {
    expect(said(decide({ ramp: [2] }, [], away(T0)).decisions)).toBe("permit web2, permit web3");
    expect(said(decide({ ramp: [1, 2] }, [], away(T0)).decisions)).toBe("");
  });
});
