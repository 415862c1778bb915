import { describe, expect, test } from "vitest";
import { judgeUnfinished, type UnfinishedPackage, unfinishedPackages } from "./unfinished.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const MINUTE = 60_000;

describe("packages that are not whole", () => {
  const stanza = (name: string, status: string, more = "") =>
    `Package: ${name}\nStatus: ${status}\nPriority: optional\nArchitecture: amd64\n${more}Version: 1\nDescription: x\n Status: install ok unpacked\n\n`;
  test.each<[string, string, readonly string[]]>([
    ["none at rest", stanza("a", "install ok installed") + stanza("b", "deinstall ok config-files"), []],
    [
      "none that waits for triggers",
      stanza("a", "install ok triggers-pending") + stanza("b", "hold ok triggers-awaited"),
      [],
    ],
    [
      "in each of the three states, on hold or to be reinstalled",
      stanza("a", "install ok unpacked") +
        stanza("b", "hold ok half-configured") +
        stanza("c", "install reinstreq half-installed"),
      ["a:amd64 unpacked", "b:amd64 half-configured", "c:amd64 half-installed"],
    ],
    ["first in the file, and last without an end", `Package: a\nStatus: install ok unpacked`, ["a: unpacked"]],
    ["nothing", "", []],
  ])("%s", (_name, text, expected) => {
    expect(unfinishedPackages(text).map((one) => `${one.name}:${one.architecture} ${one.state}`)).toEqual(expected);
  });

  test("among a hundred thousand are found at once", () => {
    const text = stanza("a", "install ok installed").repeat(50_000) + stanza("b", "install ok unpacked").repeat(50_000);
    const begun = performance.now();
    expect(unfinishedPackages(text)).toHaveLength(50_000);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

describe("what they mean", () => {
  type Case = readonly [
    state: UnfinishedPackage["state"],
    unpacked: number | null,
    dpkg: number | null,
    expected: string | null,
  ];
  test.each<[string, ...Case]>([
    ["just unpacked", "unpacked", 1, 1, "it was unpacked less than an hour ago"],
    ["an hour ago but for a minute", "half-configured", 59, 59, "it was unpacked less than an hour ago"],
    ["an hour ago", "half-configured", 60, 60, null],
    ["unpacked an hour ago and never configured", "unpacked", 60, 60, null],
    ["nobody knows when", "half-configured", null, 60, "it was unpacked less than an hour ago"],
    [
      "in the future, by a clock that was set back",
      "half-configured",
      -600,
      60,
      "it was unpacked less than an hour ago",
    ],
    ["tried again just now", "half-configured", 600, 4, "dpkg was at work less than 5 minutes ago"],
    ["tried again every half hour for good", "half-configured", 6_000, 6, null],
    ["nobody knows when dpkg was at work", "half-configured", 60, null, "dpkg was at work less than 5 minutes ago"],
    ["files of two versions, however old", "half-installed", 60_000, 60_000, "its files may be of two versions"],
  ])("%s", (_name, state, unpacked, dpkg, expected) => {
    const ago = (minutes: number | null) => (minutes === null ? null : NOW - minutes * MINUTE);
    const one = { name: "x\u001b", architecture: "amd64", state, unpackedAt: ago(unpacked) };
    const { holdsOff, givenUp } = judgeUnfinished([one], ago(dpkg), NOW);
    if (expected === null) expect(holdsOff).toBeNull();
    else expect(holdsOff).toContain(`package x\\u{1b} is ${state}; see dpkg --audit (${expected}`);
    expect(givenUp).toEqual(expected === null ? [one] : []);
  });

  test("one that may go on holds off whatever was given up before", () => {
    const old = {
      name: "old",
      architecture: "amd64",
      state: "half-configured",
      unpackedAt: NOW - 600 * MINUTE,
    } as const;
    const { holdsOff } = judgeUnfinished([old, { ...old, name: "new", unpackedAt: NOW }], NOW - 600 * MINUTE, NOW);
    expect(holdsOff).toMatch(/^package new is half-configured/);
  });
});
