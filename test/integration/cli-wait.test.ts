import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RpcError } from "@afterpatch/wire/rpc";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { DONE, hostIn, rollout, useBench } from "./cli-fixtures.ts";
import { casesIn, junitErrors } from "./junit-xml.ts";
import { temporaryDirectory } from "./programs.ts";

// What pipelines wait for and what they show: before a scripted controller.

const bench = useBench();
const START = ["rollout", "start", "role=web", "--reason", "DSA-1", "--yes"] as const;
const NGINX = { kind: "restart-service", target: "nginx.service" };
const HOSTILE = 'x"]]>&<failure/>\u0000\u001b\uFFFE';

const file = async () => join(await temporaryDirectory(), "afterpatch.xml");

/** How the rollout ends, and what its report has beyond that. */
function ends(state: "finished" | "halted", why = ""): void {
  const hosts = [
    hostIn("web01", "done", { steps: [DONE], residue: [`sshd of ${HOSTILE}`] }),
    state === "finished" ? hostIn("web02", "done") : hostIn("web02", "failed", { reason: `step-failed: ${HOSTILE}` }),
    ...(state === "finished" ? [] : [hostIn("web03", "pending")]),
  ];
  const failed = { ...DONE, outcome: "failed", evidence: `exit 1 ${HOSTILE}`, journal: [`nginx: ${HOSTILE}`] };
  bench.script.report.set("web01", { planned: [NGINX] });
  if (state === "halted") bench.script.report.set("web02", { planned: [NGINX], steps: [failed] });
  bench.script.report.set("web03", { planned: [NGINX] });
  bench.script.begin = ({ reason }) => rollout("r1", reason, { state, why, hosts, endedAt: 1_700_000_300_000 });
}

test("--wait follows to the end in lines, and --junit has a suite per wave and a case per host and remedy", async () => {
  ends("finished");
  const path = await file();
  const { code, out, err } = await bench.run(...START, "--wait", "--wait-timeout", "1m", "--junit", path);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/rollout r1 finished/);
  const xml = readFileSync(path, "utf8");
  expect(junitErrors(xml)).toBe("");
  expect(casesIn(xml)).toEqual([
    "rollout r1 | rollout r1 | finished: passed",
    "wave canary | web01 | restart-service nginx.service: passed",
    "wave canary | web01 | proof: passed",
    "wave rest | web02 | proof: passed",
  ]);
  expect(xml).toContain('<testcase name="restart-service nginx.service" classname="web01" time="0.900">');
});

test("a rollout that halted fails in the JUnit file as well, whatever hosts have written there", async () => {
  ends("halted", "1 failed, 0 tolerated");
  const path = await file();
  const { code } = await bench.run(...START, "--junit", path, "-o", "json");
  expect(code).toBe(3);
  const xml = readFileSync(path, "utf8");
  expect(junitErrors(xml)).toBe("");
  const hostile = "x&quot;]]&gt;&amp;&lt;failure/&gt;\\u{0}\\u{1b}\\u{fffe}";
  expect(casesIn(xml)).toEqual([
    "rollout r1 | rollout r1 | finished: failure halted: 1 failed, 0 tolerated",
    "wave canary | web01 | restart-service nginx.service: passed",
    "wave canary | web01 | proof: passed",
    `wave rest | web02 | restart-service nginx.service: failure exit 1 ${hostile}`,
    `wave rest | web02 | proof: failure failed: step-failed: ${hostile}`,
    "wave rest | web03 | restart-service nginx.service: skipped not begun: the rollout is halted",
    "wave rest | web03 | proof: skipped not begun: the rollout is halted",
  ]);
  expect(xml).toContain(`nginx: ${hostile}</system-out>`);
  const again = await file();
  for (const args of [
    ["rollout", "status", "r1"],
    ["rollout", "watch", "r1"],
    ["report", "r1"],
  ]) {
    const shown = await bench.run(...args, "--junit", again);
    expect([args[0], shown.code, readFileSync(again, "utf8")]).toEqual([args[0], args[0] === "report" ? 0 : 3, xml]);
  }
});

test("--wait-timeout leaves a rollout that has not ended with code 7, and says how to come back", async () => {
  bench.script.begin = ({ reason }) => rollout("r1", reason, { state: "waiting-approval", why: "wave canary" });
  const path = await file();
  const { code, err } = await bench.run(...START, "--wait-timeout", "1s", "--junit", path);
  expect([code, err]).toEqual([
    7,
    "afterpatch: rollout r1 has not ended after 1s: it is waiting-approval (wave canary), and goes on; " +
      "come back with 'afterpatch rollout watch r1'\n",
  ]);
  const xml = readFileSync(path, "utf8");
  expect(junitErrors(xml)).toBe("");
  expect(casesIn(xml)[0]).toBe("rollout r1 | rollout r1 | finished: skipped waiting-approval: wave canary");
  expect(bench.script.asked.aborts).toEqual([]);
  bench.script.rollouts.set("r1", rollout("r1", "DSA-1", { state: "running" }));
  expect((await bench.run("rollout", "watch", "r1", "--wait", "--wait-timeout", "1s")).code).toBe(7);
});

test("what was never begun is told in the JUnit file too; one that cannot be written stops all before it begins", async () => {
  const path = await file();
  writeFileSync(path, "of the run before");
  bench.script.refuse = new RpcError(status.FAILED_PRECONDITION, "hosts-held", "web01 is held by r0");
  expect((await bench.run(...START, "--junit", path)).code).toBe(9);
  const xml = readFileSync(path, "utf8");
  expect(junitErrors(xml)).toBe("");
  expect(casesIn(xml)).toEqual([
    expect.stringMatching(/^rollout start \| rollout start \| finished: failure afterpatch: .*web01 is held by r0/),
  ]);
  bench.script.refuse = null;
  const wrong = await bench.run(...START, "--junit", "/nonexistent/a.xml");
  expect([wrong.code, wrong.err]).toEqual([
    5,
    expect.stringMatching(/^afterpatch: --junit: cannot write \/nonexistent/),
  ]);
  expect(bench.script.asked.starts).toEqual([]);
});

test.each<[readonly string[], RegExp]>([
  [["--wait", "--no-wait"], /--wait: does not go with --no-wait; leave one of the two out/],
  [["--wait", "--detach"], /--detach: leaves at once/],
  [["--junit", "x.xml", "--detach"], /--junit: with --detach nothing has happened yet/],
  [["--wait-timeout", "0s"], /--wait-timeout: '0s' is not 1s to 20d/],
  [["--wait-timeout", "soon"], /--wait-timeout: /],
])("%j is refused before anything is asked for", async (args, why) => {
  const { code, err } = await bench.run(...START, ...args);
  expect([code, err]).toEqual([5, expect.stringMatching(why)]);
  expect([existsSync("x.xml"), bench.script.asked.starts]).toEqual([false, []]);
});

test("where nothing is to be done each host passes", async () => {
  bench.script.plan = {
    ...bench.script.plan,
    waves: bench.script.plan.waves.map((wave) => ({
      ...wave,
      hosts: wave.hosts.map((host) => ({ ...host, steps: [] })),
    })),
  };
  const path = await file();
  expect((await bench.run(...START, "--junit", path)).code).toBe(0);
  expect(junitErrors(readFileSync(path, "utf8"))).toBe("");
  expect(casesIn(readFileSync(path, "utf8"))).toContain("wave 1 | web01 | proof: passed");
});
