import type { CheckSpec } from "@afterpatch/core/rollout-file/spec";
import { expect, test } from "vitest";
import { runChecks } from "./checks.ts";
import { differences } from "./baseline.ts";

function check(name: string, forMs = 0, timeoutMs = 300): CheckSpec {
  return { name, probe: { kind: "unit", unit: name }, forMs, timeoutMs };
}

/** Answers by name, one after the other; the last repeats. */
function answers(script: Readonly<Record<string, readonly (string | null)[]>>) {
  const asked: string[] = [];
  const ask = async ({ name }: CheckSpec): Promise<string | null> => {
    const before = asked.filter((one) => one === name).length;
    asked.push(name);
    const list = script[name] ?? [];
    return (before < list.length ? list[before] : list.at(-1)) ?? null;
  };
  return { asked, ask };
}

const going = new AbortController().signal;

test("all hold at once: each is asked once", async () => {
  const { asked, ask } = answers({ a: [null], b: [null] });
  expect(await runChecks([check("a"), check("b")], ask, going)).toBeNull();
  expect(asked).toEqual(["a", "b"]);
});

test("one that does not hold yet is asked again until its time is up", async () => {
  const late = answers({ a: ["503", null] });
  expect(await runChecks([check("a", 0, 5_000)], late.ask, going)).toBeNull();
  expect(late.asked).toHaveLength(2);
  expect(await runChecks([check("a")], answers({ a: ["503"] }).ask, going)).toBe("a: 503");
});

test("one that has to hold for some time begins anew after each failure", async () => {
  const begun = performance.now();
  const { ask } = answers({ a: [null, "503", null] });
  expect(await runChecks([check("a", 200, 5_000)], ask, going)).toBeNull();
  expect(performance.now() - begun).toBeGreaterThan(200);
});

test("one that only ever holds for a moment does not hold", async () => {
  const script = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? null : "503"));
  const why = await runChecks([check("a", 1_500, 100)], answers({ a: script }).ask, going);
  expect(why).toMatch(/^a: (503|it did not hold for 1.5 s)$/);
});

test("one that fails ends the others, and is the one that is told", async () => {
  const begun = performance.now();
  const { ask } = answers({ slow: ["not yet"], bad: ["503"] });
  expect(await runChecks([check("slow", 0, 60_000), check("bad", 0, 50)], ask, going)).toBe("bad: 503");
  expect(performance.now() - begun).toBeLessThan(30_000);
});

test("whoever does not want to know any more waits for nothing", async () => {
  const stop = new AbortController();
  const running = runChecks([check("a", 0, 60_000)], answers({ a: ["503"] }).ask, stop.signal);
  stop.abort();
  expect(await running).toBe("a: it was not asked to the end");
});

test.each<[string, readonly string[], readonly string[], string | null]>([
  ["nothing changed", ["apt.service"], ["tcp 0.0.0.0:22"], null],
  ["one unit less has failed, one port more listens", [], ["tcp 0.0.0.0:22", "tcp 0.0.0.0:80"], null],
  ["a unit failed", ["apt.service", "x\u001b.service"], ["tcp 0.0.0.0:22"], "failed since: x\\u{1b}.service"],
  ["a port is gone", ["apt.service"], [], "nothing listens any more on tcp 0.0.0.0:22"],
])("%s", (_name, failedUnits, ports, expected) => {
  const before = { failedUnits: ["apt.service"], ports: ["tcp 0.0.0.0:22"] };
  expect(differences(before, { failedUnits, ports }, { units: true, ports: true })).toBe(expected);
  expect(differences(before, { failedUnits, ports }, { units: false, ports: false })).toBeNull();
  expect(differences(null, { failedUnits, ports }, { units: true, ports: true })).toContain("nobody noted");
});
