import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { hostIn, rollout, useBench } from "./cli-fixtures.ts";

// What people know from Ansible and kubectl: --check, --diff, --list-hosts, -w, hosts, --no-color.

const bench = useBench();
const ROOT = join(import.meta.dirname, "../..");

test.each([
  ["rollout start", ["rollout", "start", "all"]],
  ["restart", ["restart", "all", "--unit", "nginx"]],
  ["reboot", ["reboot", "all"]],
  ["rollout retry", ["rollout", "retry", "r0"]],
])("%s --check shows the plan, needs no reason and nobody to confirm it, and starts nothing", async (_, words) => {
  const { code, out, err } = await bench.run(...words, "-C");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/restart-service nginx\.service: it maps the old libssl\.so\.3\n(?!.*not reload)/s);
  expect(out).toContain("Digest d1");
  const wide = await bench.run(...words, "--check", "--diff");
  expect(wide.out).toContain("not reload: nginx keeps the library over a reload");
  const json = JSON.parse((await bench.run(...words, "--check", "-o", "json")).out);
  expect(json).toMatchObject({ schema: "afterpatch.fleetplan/v1", digest: "d1" });
  expect(bench.script.asked.starts).toEqual([]);
});

test("--list-hosts: a name a line in the order of the plan, and who is not covered", async () => {
  bench.script.plan = { ...bench.script.plan, uncovered: [{ name: "web09", why: "lost" }] };
  const { code, out } = await bench.run("rollout", "start", "all", "--list-hosts");
  expect([code, out]).toEqual([0, "web01\nweb02\nweb09  # not covered: lost\n"]);
  const lines = (await bench.run("rollout", "start", "all", "--list-hosts", "-o", "jsonl")).out.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { name: "web01", wave: "1", steps: 1, uncovered: null },
    { name: "web02", wave: "1", steps: 1, uncovered: null },
    { name: "web09", wave: null, steps: null, uncovered: "lost" },
  ]);
  expect(bench.script.asked.starts).toEqual([]);
});

test("without --check a reason is still due", async () => {
  const { code, err } = await bench.run("restart", "all", "--unit", "nginx", "--yes");
  expect([code, err]).toEqual([5, expect.stringMatching(/^afterpatch: --reason: is missing; say why/)]);
});

test("hosts: what a pattern selects, also where 'list' is left out", async () => {
  const { code, out } = await bench.run("hosts", "role=web");
  expect([code, out]).toEqual([0, expect.stringMatching(/^HOST +STATE +LABELS\nweb01 +connected +role=web\n/)]);
  expect(out).toContain("\n2 hosts: ");
  expect(out).not.toContain("\u001b");
  expect((await bench.run("hosts", "list", "role=web")).out).toBe(out);
  expect(bench.script.asked.patterns).toEqual(["role=web", "role=web"]);
  const json = JSON.parse((await bench.run("hosts", "-o", "json")).out);
  expect(json).toMatchObject({ schema: "afterpatch.hosts/v1", hosts: [{ name: "web01", id: "h1" }, {}] });
  const { err } = await bench.run("hosts", "revok", "web03");
  expect(err).toBe("afterpatch: command line: Unknown argument: web03; see 'afterpatch hosts list --help'\n");
});

test("rollout status -w follows to the end", async () => {
  const ended = { state: "finished", endedAt: 1_700_000_300_000, hosts: [hostIn("web01", "done")] };
  bench.script.rollouts.set("r1", rollout("r1", "DSA-1", ended));
  const { code, out } = await bench.run("rollout", "status", "r1", "-w");
  expect([code, out]).toEqual([0, expect.stringMatching(/rollout r1 finished/)]);
});

test("a terminal gets colours, unless --no-color, NO_COLOR or TERM=dumb says no", async () => {
  const at = ["--controller", `localhost:${bench.controller.port}`, "--credentials", bench.credentials].join(" ");
  const onTerminal = async (options: string, more: Readonly<Record<string, string>> = {}) => {
    const line = `sh test/node.sh packages/cli/src/main.ts status ${at} ${options}`;
    const env = { PATH: process.env.PATH, HOME: "/nonexistent", TERM: "xterm", ...more };
    const { stdout } = await promisify(execFile)("script", ["-qec", line, "/dev/null"], { cwd: ROOT, env });
    expect(stdout).toContain("web01");
    return stdout.includes("\u001b[");
  };
  expect(await onTerminal("")).toBe(true);
  expect(await onTerminal("--no-color")).toBe(false);
  expect(await onTerminal("", { NO_COLOR: "1" })).toBe(false);
  expect(await onTerminal("", { TERM: "dumb" })).toBe(false);
});

test("a terminal gets the plan wrapped at words, a pipe gets lines as they are", async () => {
  const at = ["--controller", `localhost:${bench.controller.port}`, "--credentials", bench.credentials].join(" ");
  const line = `stty cols 60; sh test/node.sh packages/cli/src/main.ts plan all --no-color ${at}`;
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", TERM: "xterm" };
  const { stdout } = await promisify(execFile)("script", ["-qec", line, "/dev/null"], { cwd: ROOT, env });
  expect(stdout).toContain("\r\n    restart-service nginx.service: it maps the old\r\n      libssl.so.3\r\n");
  expect((await bench.run("plan", "all")).out).toContain(
    "\n    restart-service nginx.service: it maps the old libssl.so.3\n",
  );
});
