import { DEFAULT_REBOOT } from "@afterpatch/core/plan/reboot";
import { rebootFromWire, rebootToWire } from "@afterpatch/wire/convert/reboot";
import { expect, test } from "vitest";
import { DONE, hostIn, PLAN, planned, waveOf, rollout, useBench } from "./cli-fixtures.ts";
import type { Plan } from "./cli-scripted.ts";

const bench = useBench();

const REBOOT = {
  id: "reboot:host",
  kind: "reboot",
  target: "host",
  findings: ["f1"],
  because: "The boot loader starts 6.1.0-2-amd64.",
  insteadOf: [],
};
const restarts = PLAN.waves[0]?.hosts[1] ?? planned("web02");
const REBOOTS: Plan = {
  ...PLAN,
  waves: [waveOf("all", planned("web01", [REBOOT]), planned("web02", [REBOOT]), restarts)],
};

/** On the wire what is 0 or empty is not there. */
const wire = (order: object) =>
  Object.fromEntries(Object.entries(rebootToWire({ ...DEFAULT_REBOOT, ...order })).filter(([, value]) => value));

test.each<[string, readonly string[], object]>([
  ["nothing said", [], {}],
  ["never", ["--reboot", "never"], { mode: "never" }],
  [
    "all of it",
    [
      "--reboot",
      "always",
      "--reboot-message",
      "kernel of DSA-1",
      "--reboot-delay",
      "5m",
      "--reboot-timeout",
      "30m",
      "--reboot-method",
      "kexec",
      "--sessions-first",
    ],
    {
      mode: "always",
      message: "kernel of DSA-1",
      delayMs: 300_000,
      withinMs: 1_800_000,
      method: "kexec",
      sessionsFirst: true,
    },
  ],
])("plan and rollout start ask for the same: %s", async (_name, args, order) => {
  await bench.run("plan", "all", ...args);
  await bench.run("rollout", "start", "all", "--reason", "DSA-1", "--yes", "--detach", ...args);
  expect(bench.script.asked.reboots.map((one) => rebootFromWire(one))).toEqual(
    [order, order].map((change) => ({ ...DEFAULT_REBOOT, ...change })),
  );
  expect(bench.script.asked.starts).toMatchObject([{ reason: "DSA-1", reboot: bench.script.asked.reboots[0] }]);
});

test("a plan says which hosts reboot and why, and how many", async () => {
  bench.script.plan = REBOOTS;
  const { code, out } = await bench.run("plan", "all");
  expect(code).toBe(0);
  expect(out).toContain("web[01:02] (each)\n    reboot host: The boot loader starts 6.1.0-2-amd64.\n");
  expect(out).toContain(
    "\n3 steps on 3 of 3 hosts; residue: 0, not covered: 0\n2 hosts reboot: web[01:02]\nDigest d1\n",
  );
  expect(JSON.parse((await bench.run("plan", "all", "-o", "json")).out)).toMatchObject({ totals: { reboots: 2 } });
  bench.script.plan = { ...REBOOTS, waves: [waveOf("all", planned("web01", [REBOOT]))] };
  expect((await bench.run("plan", "all")).out).toContain("\n1 host reboots: web01\n");
  bench.script.plan = PLAN;
  expect((await bench.run("plan", "all")).out).not.toContain("reboot");
});

test("reboot is a rollout of an order to reboot every host, with all its outputs", async () => {
  bench.script.plan = REBOOTS;
  const done = { ...DONE, kind: "reboot", target: "host", evidence: "boot b2" };
  bench.script.begin = (request) =>
    rollout("r1", request.reason, { state: "finished", hosts: [hostIn("web01", "done", { steps: [done] })] });
  const order = ["--message", "new firmware", "--delay", "1m", "--timeout", "10m", "--method", "reboot"];
  const about = ["--reason", "firmware", "--serial", "2", "--max-fail", "1", "--max-hosts", "3", "--name", "fw"];
  const { code, out, err } = await bench.run("reboot", "web01", ...about, ...order, "--yes", "-o", "json");
  expect([code, err]).toEqual([0, expect.stringContaining("web01 done: reboot host done\n")]);
  expect(JSON.parse(out)).toMatchObject({ schema: "afterpatch.rollout/v1", state: "finished" });
  expect(bench.script.asked.starts).toMatchObject([
    {
      ...{
        pattern: "web01",
        reason: "firmware",
        serial: "2",
        maxFail: 1,
        maxHosts: 3,
        name: "fw",
        expectedDigest: "d1",
      },
      reboot: wire({ mode: "always", message: "new firmware", delayMs: 60_000, withinMs: 600_000 }),
    },
  ]);
});

test("reboot --detach prints the rollout's id", async () => {
  bench.script.plan = REBOOTS;
  const { code, out } = await bench.run("reboot", "web01", "--reason", "firmware", "--yes", "--detach");
  expect([code, out]).toEqual([0, "r1\n"]);
  expect(bench.script.asked.starts).toMatchObject([{ serial: "1", maxFail: 0, reboot: wire({ mode: "always" }) }]);
});

test("a host that is down for its reboot is told so, then that it is done", async () => {
  bench.script.rollouts.set("r1", rollout("r1", "firmware", { hosts: [hostIn("web01", "acting")] }));
  const watching = bench.start("rollout", "watch", "r1");
  await watching.printed("web01 acting");
  bench.controller.change("r1", { hosts: [hostIn("web01", "returning")], why: "1 of 1 in hand: web01 (rebooting)" });
  await watching.printed("web01 returning");
  const reason = "not back 23 min after its reboot began";
  bench.controller.change("r1", { state: "halted", hosts: [hostIn("web01", "unreachable", { reason })] });
  const { code, out } = await watching.ended;
  expect(code).toBe(3);
  expect(out).toContain("web01 unreachable: not back 23 min after its reboot began\n");
});

test.each<[string, readonly string[], string]>([
  [
    "a mode that is none",
    ["plan", "all", "--reboot", "sometimes"],
    'command line: --reboot cannot be "sometimes": it is one of "never", "when-required", "always"; ',
  ],
  [
    "a method that is none",
    ["reboot", "all", "--reason", "x", "--method", "pull-the-plug"],
    'command line: --method cannot be "pull-the-plug": it is one of "reboot", "kexec", "soft-reboot"; ',
  ],
  [
    "a delay that is none",
    ["reboot", "all", "--reason", "x", "--delay", "soon"],
    "--delay: 'soon' is not a duration; ",
  ],
  [
    "a delay of days",
    ["plan", "all", "--reboot-delay", "25h"],
    "--reboot-delay: 25h is out of range; give a time from 0s to 1d",
  ],
  [
    "a timeout that no machine meets",
    ["plan", "all", "--reboot-timeout", "0s"],
    "--reboot-timeout: 0s is out of range; give a time from 10s to 4h",
  ],
  [
    "a timeout of a working day",
    ["reboot", "all", "--reason", "x", "--timeout", "5h"],
    "--timeout: 5h is out of range; give a time from 10s to 4h",
  ],
  [
    "a message with an escape in it",
    ["reboot", "all", "--reason", "x", "--message", "\u001b[2J"],
    "--message: has control characters, which no terminal would show; ",
  ],
  [
    "a message of two lines",
    ["plan", "all", "--reboot-message", "a\nb"],
    "--reboot-message: has control characters, which no terminal would show; ",
  ],
  [
    "an endless message",
    ["plan", "all", "--reboot-message", "x".repeat(501)],
    "--reboot-message: has 501 characters, at most 500 are shown; ",
  ],
  ["an empty message", ["plan", "all", "--reboot-message", ""], "command line: reboot-message is empty; "],
  [
    "a message for nobody",
    ["plan", "all", "--reboot", "never", "--reboot-message", "x"],
    "--reboot-message: no host is rebooted with --reboot never; leave one of the two out",
  ],
  [
    "sessions ended for nothing",
    ["plan", "all", "--reboot", "never", "--sessions-first"],
    "--sessions-first: no host is rebooted with --reboot never; leave one of the two out",
  ],
  [
    "a reboot of a mode",
    ["reboot", "all", "--reason", "x", "--reboot", "never"],
    "command line: Unknown argument: reboot; ",
  ],
  ["no reason", ["reboot", "all", "--yes"], "--reason: is missing; "],
  ["an empty reason", ["reboot", "all", "--yes", "--reason", " "], "--reason: is empty; "],
  ["no hosts", ["reboot", "--reason", "x"], "command line: an argument is missing: hosts"],
  ["a serial that is none", ["reboot", "all", "--reason", "x", "--serial", "0%"], "--serial: "],
  [
    "nobody who could say yes",
    ["reboot", "all", "--reason", "x"],
    "reboot: nobody is at a terminal to confirm the plan; look at 'afterpatch plan --reboot always' and add --yes",
  ],
  [
    "more hosts than allowed",
    ["reboot", "all", "--reason", "x", "--yes", "--max-hosts", "1"],
    "reboot: 2 hosts selected, more than --max-hosts 1; ",
  ],
])("%s is one clear line and exit code 5, and nothing is asked for", async (_name, args, said) => {
  const { code, out, err } = await bench.run(...args);
  expect(err).toMatch(/^[^\n]+\n$/);
  expect(err.startsWith(`afterpatch: ${said}`), err).toBe(true);
  expect([code, out, bench.script.asked.starts]).toEqual([5, "", []]);
});
