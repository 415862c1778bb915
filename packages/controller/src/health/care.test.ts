import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import type { CheckSpec, Probe } from "@afterpatch/core/rollout-file/spec";
import { expect, test } from "vitest";
import type { ChoreTask } from "../rollouts/chores.ts";
import { type AsksHost, careOnThisMachine } from "./care.ts";

const BEFORE = { failedUnits: [], ports: ["tcp 0.0.0.0:22"] };
const going = new AbortController().signal;

/** A host whose agent says that all is well, but that a port is gone. */
const AGENTS: AsksHost = {
  unit: async (hostId, unit) => (unit === "nginx.service" ? null : `${hostId}: ${unit} is inactive`),
  check: async (_hostId, name) => `there is no check ${name}`,
  snapshot: async () => ({ failedUnits: [], ports: [] }),
};

function task(chore: ChoreTask["chore"]): ChoreTask {
  return { rolloutId: "r1", host: { hostId: "H1", name: "127.0.0.1" }, phase: "health", chore };
}

function checks(probe: Probe): ChoreTask {
  const check: CheckSpec = { name: "it", probe, forMs: 0, timeoutMs: 50 };
  return task({ kind: "checks", checks: [check], notes: false, baseline: BEFORE, leader: null });
}

/** A directory of hooks with one program in it. Not below /tmp: who may write there might replace it. */
async function hooks(script: string): Promise<{ readonly hooksDir: string; readonly file: string }> {
  const hooksDir = await mkdtemp(join(homedir(), ".afterpatch-hooks-"));
  const file = join(hooksDir, "hook");
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return { hooksDir, file };
}

test("{host} is the host's name, in addresses and in commands", async () => {
  const server = createServer((request, response) => response.end(request.url)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  const { hooksDir, file } = await hooks('[ "$1 $AFTERPATCH_HOST $AFTERPATCH_ROLLOUT" = "-h=127.0.0.1 127.0.0.1 r1" ]');
  const care = careOnThisMachine({ agents: AGENTS, hooksDir });
  const held = async (probe: Probe) => (await care.carryOut(checks(probe), going)).why;
  try {
    expect(await held({ kind: "tcp", host: "{host}", port })).toBeNull();
    const url = `http://{host}:${port}/live`;
    expect(await held({ kind: "http", url, expect: 200, contains: "/live" })).toBeNull();
    expect(await held({ kind: "http", url, expect: 204, contains: null })).toMatch(/^it: http.* answered 200, and 204/);
    expect(await held({ kind: "command", command: [file, "-h={host}"] })).toBeNull();
    const hook = { command: [file, "-h={host}"], timeoutMs: 5_000, onFail: "stop" } as const;
    expect(await care.carryOut(task({ kind: "hook", hook }), going)).toEqual({ why: null, baseline: null });
  } finally {
    server.close();
    await rm(hooksDir, { recursive: true });
  }
});

test.each<[string, string, RegExp]>([
  ["says why it failed", "echo 'no such backend' >&2; exit 3", /^exited 3: no such backend$/],
  ["takes too long", "sleep 60", /^did not end within 0.3 s and was ended$/],
])("a hook that %s", async (_name, script, why) => {
  const { hooksDir, file } = await hooks(script);
  try {
    const hook = { command: [file], timeoutMs: 300, onFail: "stop" } as const;
    const result = await careOnThisMachine({ agents: AGENTS, hooksDir }).carryOut(task({ kind: "hook", hook }), going);
    expect(result.why).toMatch(why);
  } finally {
    await rm(hooksDir, { recursive: true });
  }
});

test("a program of another directory is not run, whatever the rollout says", async () => {
  const care = careOnThisMachine({ agents: AGENTS, hooksDir: "/etc/afterpatch/hooks" });
  const hook = { command: ["/bin/true"], timeoutMs: 5_000, onFail: "stop" } as const;
  const { why } = await care.carryOut(task({ kind: "hook", hook }), going);
  expect(why).toBe("/bin/true is not in /etc/afterpatch/hooks, from where alone programs are run");
});

test.each<[Probe, string | null]>([
  [{ kind: "unit", unit: "nginx.service" }, null],
  [{ kind: "unit", unit: "ssh.service" }, "it: H1: ssh.service is inactive"],
  [{ kind: "check", check: "smoke" }, "it: there is no check smoke"],
  [{ kind: "baseline", units: true, ports: true }, "it: nothing listens any more on tcp 0.0.0.0:22"],
  [{ kind: "baseline", units: true, ports: false }, null],
])("the host's agent is asked: %j", async (probe, expected) => {
  const care = careOnThisMachine({ agents: AGENTS, hooksDir: "/etc/afterpatch/hooks" });
  expect((await care.carryOut(checks(probe), going)).why).toBe(expected);
});

test("a host is noted before it is touched, and not touched where that cannot be", async () => {
  const noting = task({ kind: "checks", checks: [], notes: true, baseline: null, leader: null });
  const noted = (snapshot: AsksHost["snapshot"]) =>
    careOnThisMachine({ agents: { ...AGENTS, snapshot }, hooksDir: "/x" }).carryOut(noting, going);
  expect(await noted(async () => BEFORE)).toEqual({ why: null, baseline: BEFORE });
  expect(await noted(async () => "not connected")).toEqual({ why: "baseline: not connected", baseline: null });
});

test.each<[string, string | null, RegExp | null]>([
  ["0: it leads", null, /^it leads \(check leads\), and others of its wave come first$/],
  ["1: it does not", "exited 1: follower", null],
  ["anything else: nobody knows", "exited 2: no quorum", /^whether it leads cannot be told: check leads: exited 2/],
  ["nothing", "not connected", /^whether it leads cannot be told/],
])("the check for leaders ends with %s", async (_name, said, why) => {
  const care = careOnThisMachine({ agents: { ...AGENTS, check: async () => said }, hooksDir: "/x" });
  const chore = { kind: "checks", checks: [], notes: false, baseline: null, leader: "leads" } as const;
  const result = await care.carryOut(task(chore), going);
  if (why === null) expect(result.why).toBeNull();
  else expect(result.why).toMatch(why);
});
