import type { HostState } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import type { ReportDocument, ReportedHostDocument } from "../documents/report.ts";
import { junitOf, junitOfError } from "./junit.ts";

const ITEM = { id: "reboot:host", remedy: { kind: "reboot", target: "host" }, planned: true, outcome: null };
const NOT_DONE = { ...ITEM, evidence: "", startedAt: null, elapsedMs: null };

const host = (state: HostState, reason = ""): ReportedHostDocument => ({
  ...{ id: "h1", name: "web01", wave: "1", state, reason, changedAt: null },
  ...{ items: [NOT_DONE], residue: [], permits: [], proof: null, audit: [] },
});

const report = (state: ReportDocument["state"], one: ReportedHostDocument): ReportDocument => ({
  ...{
    schema: "afterpatch.report/v1",
    id: "r1",
    name: "",
    reason: "DSA-1",
    state,
    why: "",
    actor: "ada",
    createdAt: 0,
  },
  ...{ endedAt: 1, digest: "d", pattern: "all", waves: ["1"], orders: [], hosts: [one], audit: null },
  uncovered: [],
  totals: {} as ReportDocument["totals"], // not looked at
});

const verdicts = (xml: string) => [...xml.matchAll(/<(skipped|failure) /g)].map(([, verdict]) => verdict);

test.each<[ReportDocument["state"], HostState, readonly string[]]>([
  // The rollout, the remedy, the proof: those that passed are not in the list.
  ["finished", "done", []],
  ["finished", "done-with-residue", []],
  ["finished", "failed", ["skipped", "failure"]],
  ["finished", "unreachable", ["skipped", "failure"]],
  ["finished", "written-off", ["skipped", "skipped"]],
  ["finished", "vetoed", ["skipped", "skipped"]],
  ["halted", "pending", ["failure", "skipped", "skipped"]],
  ["aborted", "done", ["failure"]],
  ["running", "acting", ["skipped", "skipped", "skipped"]],
  ["waiting-approval", "pending", ["skipped", "skipped", "skipped"]],
])("a rollout that is %s with a host that is %s", (state, ofHost, expected) => {
  expect(verdicts(junitOf(report(state, host(ofHost))))).toEqual(expected);
});

test("a host that was not covered fails: nothing is known of it", () => {
  const xml = junitOf({ ...report("finished", host("done")), uncovered: [{ name: "web09", why: "lost" }] });
  expect(xml).toContain('<testcase name="covered" classname="web09" time="0.000"><failure message="not covered: lost"');
  expect(xml).toMatch(/^<testsuites name="rollout r1" tests="4" failures="1" errors="0" time="0.001">$/m);
});

test("the whole lasted from its order to its end, the proof from the permit on without the steps", () => {
  const done = { ...NOT_DONE, outcome: "done", startedAt: 99, elapsedMs: 900 };
  const one = {
    ...{ ...host("done"), items: [done], changedAt: 14_000 },
    permits: [{ id: "p1", at: 10_000, bootId: "b1", epoch: 1 }],
  };
  const xml = junitOf({ ...report("finished", one), createdAt: 9_000, endedAt: 15_500 });
  const times = [...xml.matchAll(/<(testsuites|testsuite|testcase) name="([^"]+)".* time="([^"]+)"/g)];
  expect(times.map(([, kind, name, time]) => `${kind} ${name} ${time}`)).toEqual([
    "testsuites rollout r1 6.500",
    "testsuite rollout r1 6.500",
    "testcase finished 6.500",
    "testsuite wave 1 4.000",
    "testcase reboot host 0.900",
    "testcase proof 3.100",
  ]);
});

test("where nothing was permitted, or the clock was stepped back, no time is made up", () => {
  const back = { ...host("failed"), changedAt: 5, permits: [{ id: "p1", at: 10_000, bootId: "b1", epoch: 1 }] };
  for (const one of [back, host("pending"), { ...host("done"), changedAt: 7_000 }])
    expect(junitOf(report("finished", one))).toMatch(/name="proof" classname="web01" time="0.000"/);
});

test("what XML 1.0 has no place for is replaced, and what it reads as its own is escaped", () => {
  const hostile = "a\u0000\u0008\u000b\u001b\ud800\uffff<&\"'>\t\u{1f512}";
  const escaped = "a\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd&lt;&amp;&quot;&apos;&gt;\t\u{1f512}";
  expect(junitOf(report("finished", host("failed", hostile)))).toContain(`<skipped message="failed: ${escaped}"/>`);
  expect(junitOfError("report", hostile)).toContain(`>${escaped}</failure>`);
});
