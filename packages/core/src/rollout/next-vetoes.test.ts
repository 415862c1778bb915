import { describe, expect, test } from "vitest";
import { decide, done, said, WEB } from "../../../../test/fakes/decisions.ts";
import {
  abortRequested,
  fleetOf,
  permitted,
  type RolloutOrder,
  stopping,
  T0,
  triedAgain,
  vetoed,
} from "../../../../test/fakes/rollout.ts";
import type { RolloutEvent } from "./event.ts";

describe("a host that vetoes", () => {
  const DUE = T0 + 10_000;
  const once = (host: string) => [permitted(host), vetoed(host)];
  const tries = (host: string, times: number) =>
    Array.from({ length: times }, (_, i) => [
      ...(i > 0 ? [triedAgain(host)] : []),
      permitted(host, i + 1),
      vetoed(host, i + 1),
    ]).flat();
  const two = { hosts: ["web1", "web2"], ramp: [2] };
  const othersTry = [...tries("web1", 3), ...tries("web2", 3), triedAgain("web2"), permitted("web2", 4)];
  test.each<[string, RolloutOrder, readonly RolloutEvent[], number, string]>([
    ["frees its place", {}, once("web1"), T0, "permit web2"],
    ["is no failure", { maxFail: 0, ramp: [2] }, once("web1"), T0, "permit web2, permit web3"],
    ["is tried again when it is time", {}, [...once("web1"), permitted("web2")], DUE, "try-again web1"],
    ["not earlier", {}, [...once("web1"), permitted("web2")], DUE - 1, ""],
    ["then waits for its place", {}, [...once("web1"), permitted("web2"), triedAgain("web1")], DUE, ""],
    ["and takes it first", {}, [...once("web1"), ...done("web2"), triedAgain("web1")], DUE, "permit web1"],
    ["holds up a larger batch", { ramp: [1, 3] }, once("web1"), DUE - 1, ""],
    ["alone is waited for", { hosts: ["web1"] }, tries("web1", 2), DUE - 1, ""],
    ["alone is given up after three tries", { hosts: ["web1"] }, tries("web1", 3), DUE - 1, "stop"],
    ["halts what a larger batch would do without it", { ramp: [1, 3] }, tries("web1", 3), DUE, "stop"],
    ["is tried on while others are worked on", {}, [...tries("web1", 3), permitted("web2")], DUE, "try-again web1"],
    ["does not keep another one alive that only vetoes", two, othersTry, DUE, ""],
    ["is not tried again while it stops", {}, [...once("web1"), permitted("web2"), stopping], DUE, ""],
    ["stays as it is when the rollout is aborted", {}, [...once("web1"), abortRequested], DUE, "close aborted"],
  ])("%s", (_name, order, events, now, expected) => {
    expect(said(decide(order, events, fleetOf(WEB), now).decisions)).toBe(expected);
  });

  test("wakes the controller when it is time", () => {
    expect(decide({ hosts: ["web1"] }, once("web1")).wakeAt).toBe(DUE);
    expect(decide({}, [...once("web1"), permitted("web2")]).wakeAt).toBe(DUE);
    expect(decide(two, othersTry).wakeAt).toBeGreaterThan(DUE);
  });

  test("is named with its own words, when it is waited for and when it is given up", () => {
    const order = { hosts: ["web1", "web2"] };
    expect(decide(order, [...once("web1"), permitted("web2")]).waits).toEqual([
      "1 of 1 in hand: web2",
      "vetoed, and tried again: web1",
    ]);
    expect(decide(order, [...tries("web1", 3), ...done("web2")]).decisions).toEqual([
      { kind: "stop", why: "vetoed on the host: web1 (denied: /etc/afterpatch/deny exists: migration)" },
    ]);
  });
});
