import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RpcError } from "@afterpatch/wire/rpc";
import { status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { cli, makeCredentials } from "./cli-process.ts";
import { type Plan, type Rollout, type Script, type Scripted, type Status, serveScript } from "./cli-scripted.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "afterpatch-cli-"));
let credentials: string;
let script: Script;
let controller: Scripted;

beforeAll(() => {
  credentials = makeCredentials(DIRECTORY, "localhost:1");
});
beforeEach(async () => {
  script = newScript();
  controller = await serveScript(DIRECTORY, script);
});
afterEach(() => controller.kill());
afterAll(() => rmSync(DIRECTORY, { recursive: true }));

const start = (...args: string[]) =>
  cli(args, { AFTERPATCH_CREDENTIALS: credentials, AFTERPATCH_CONTROLLER: `localhost:${controller.port}` });
const run = (...args: string[]) => start(...args).ended;

function newScript(): Script {
  const begin: Script["begin"] = (request) => rollout("r1", request.reason);
  const asked = { starts: [], patterns: [], tokens: [], aborts: [] };
  return {
    status: STATUS,
    plan: PLAN,
    rollouts: new Map(),
    begin,
    refuse: null,
    afterStart: null,
    requests: new Map(),
    asked,
  };
}

const WEB01: Status["hosts"][number] = {
  id: "h1",
  name: "web01",
  labels: { role: "web" },
  state: "connected",
  lastReportAt: 1_700_000_000_000,
  agentVersion: "0.1.0",
  kernel: "6.1.0-40-amd64",
  findings: { service: 2, xinetdSession: 1, application: 0, kernel: 1, microcode: 0 },
  reboot: 2,
};
const WEB02: Status["hosts"][number] = {
  ...WEB01,
  id: "h2",
  name: "web02\u001b[31m",
  findings: null,
  reboot: 0,
  lastReportAt: 0,
  kernel: "",
};
const STATUS: Status = { hosts: [WEB01, WEB02] };

const STEP = {
  id: "restart-service:nginx.service",
  kind: "restart-service",
  target: "nginx.service",
  findings: ["f1"],
  because: "it maps the old libssl.so.3",
  insteadOf: [{ kind: "reload", whyNot: "nginx keeps the library over a reload" }],
};
const planned = (name: string, steps = [STEP], residue: string[] = []) => ({
  hostId: name,
  name,
  steps,
  residue,
  reportedAt: 1,
});
const PLAN: Plan = {
  digest: "d1",
  waves: [{ name: "1", hosts: [planned("web01", [STEP], ["sshd: an administrator is logged in"]), planned("web02")] }],
  uncovered: [],
  ramp: [1, 2],
};

const hostIn = (name: string, state: string, more = {}): Rollout["hosts"][number] => ({
  name,
  hostId: name,
  state,
  reason: "",
  steps: [],
  residue: [],
  changedAt: 1_700_000_000_000,
  ...more,
});
const DONE = {
  kind: "restart-service",
  target: "nginx.service",
  outcome: "done",
  evidence: "new InvocationID",
  startedAt: 1,
  elapsedMs: 900,
};

function rollout(id: string, reason = "DSA-1", change: Partial<Rollout> = {}): Rollout {
  const hosts = [hostIn("web01", "pending"), hostIn("web02", "pending")];
  const about = { id, name: "", reason, state: "running", actor: "admin", createdAt: 1_700_000_000_000, digest: "d1" };
  return { ...about, hosts, why: "", version: 1, uncovered: [], ...change };
}

test("token create prints the token alone", async () => {
  expect(
    await run("token", "create", "--uses", "2", "--expires", "2h", "--label", "role=web", "--label", "zone=a"),
  ).toEqual({
    code: 0,
    out: "ap1.token\n",
    err: "",
  });
  expect(script.asked.tokens).toMatchObject([{ uses: 2, expiresMs: 7_200_000, labels: { role: "web", zone: "a" } }]);
});

test("status as a table shows every host, what is unknown, and totals; text of a host cannot drive the terminal", async () => {
  const { code, out } = await run("status");
  expect(code).toBe(0);
  expect(out).toMatch(/^web01 +connected +6\.1\.0-40-amd64 +2 +1 +0 +1 +0 +needed +\d+d$/m);
  expect(out).toMatch(/^web02\\u\{1b\}\[31m +connected +\? +\? +\? +\? +\? +\? +\? +never$/m);
  expect(out).toContain(
    "2 hosts: 2 connected; 4 findings: 2 service, 1 xinetd-session, 1 kernel; 1 to reboot; 1 never reported\n",
  );
  expect(script.asked.patterns).toEqual([""]);
});

test("status as JSON and YAML is afterpatch.status/v1, with null for what nobody knows", async () => {
  const { code, out } = await run("status", "web*", "-o", "json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    schema: "afterpatch.status/v1",
    hosts: [
      {
        id: "h1",
        name: "web01",
        labels: { role: "web" },
        lastReportAt: 1_700_000_000_000,
        findings: { "xinetd-session": 1 },
        reboot: true,
      },
      { id: "h2", name: "web02\\u{1b}[31m", lastReportAt: null, kernel: null, findings: null, reboot: null },
    ],
    totals: { hosts: 2, states: { connected: 2, lost: 0 }, findings: { service: 2, "xinetd-session": 1 } },
  });
  expect(script.asked.patterns).toEqual(["web*"]);
  expect(parse((await run("status", "-o", "yaml")).out)).toEqual(JSON.parse(out));
});

test.each<[string, Status, number]>([
  [
    "nothing is old",
    {
      hosts: [
        { ...WEB01, findings: { service: 0, xinetdSession: 0, application: 0, kernel: 0, microcode: 0 }, reboot: 1 },
      ],
    },
    0,
  ],
  ["something is old", { hosts: [WEB01] }, 10],
  ["something is old and a host never reported", STATUS, 4],
])("status --exit-code when %s", async (_name, answer, expected) => {
  script.status = answer;
  expect((await run("status", "--exit-code")).code).toBe(expected);
  expect((await run("status")).code).toBe(0);
});

test("plan shows waves, batch sizes as integers, reasons and residue, and never acts", async () => {
  const { code, out } = await run("plan", "role=web", "--serial", "1,25%", "-o", "wide");
  expect(code).toBe(0);
  expect(out).toContain("Wave 1: 2 hosts, batches of 1, then 2 at a time");
  expect(out).toContain("restart-service nginx.service: it maps the old libssl.so.3");
  expect(out).toContain("not reload: nginx keeps the library over a reload");
  expect(out).toContain("stays: sshd: an administrator is logged in");
  expect((await run("plan", "all", "--exit-code")).code).toBe(10);
  script.plan = { ...PLAN, uncovered: [{ name: "db1", why: "lost for 2h" }] };
  const left = await run("plan", "all", "--exit-code");
  expect(left.out).toContain("db1: lost for 2h");
  expect(left.code).toBe(4);
  expect(script.asked.starts).toEqual([]);
});

test("plan -o json --out writes afterpatch.fleetplan/v1 to the file and nothing to standard output", async () => {
  const file = join(DIRECTORY, "plan.json");
  expect(await run("plan", "all", "-o", "json", "--out", file)).toEqual({ code: 0, out: "", err: "" });
  const document: unknown = JSON.parse(readFileSync(file, "utf8"));
  expect(document).toMatchObject({
    schema: "afterpatch.fleetplan/v1",
    digest: "d1",
    ramp: [1, 2],
    waves: [{ hosts: [{ name: "web01", steps: [{ remedy: { kind: "restart-service" } }] }, {}] }],
  });
});

test("rollout start without a terminal shows the plan, one line per change, and ends with the rollout", async () => {
  const started = start(
    "rollout",
    "start",
    "all",
    "--serial",
    "1,50%",
    "--max-fail",
    "1",
    "--reason",
    "DSA-6001",
    "--yes",
  );
  await started.printed("rollout r1 running");
  controller.change("r1", { hosts: [hostIn("web01", "acting"), hostIn("web02", "pending")] });
  await started.printed("web01 acting");
  const hosts = [
    hostIn("web01", "done", { steps: [DONE] }),
    hostIn("web02", "failed", { reason: "nginx.service did not start" }),
  ];
  controller.change("r1", { hosts, state: "finished" });
  const { code, out } = await started.ended;
  expect(code).toBe(2);
  expect(out).toContain("Wave 1: 2 hosts");
  const lines = out.split("\n").filter((line) => line.startsWith("20"));
  expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual([
    "rollout r1 running: 2 hosts: DSA-6001",
    "web01 acting",
    "web01 done: restart-service nginx.service done",
    "web02 failed: nginx.service did not start",
    "rollout r1 finished: 1 done, 1 failed",
  ]);
  expect(lines.every((line) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /.test(line))).toBe(true);
  expect(script.asked.starts).toMatchObject([
    {
      pattern: "all",
      serial: "1,50%",
      maxFail: 1,
      reason: "DSA-6001",
      expectedDigest: "d1",
      allowNew: false,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    },
  ]);
});

test("rollout start -o json keeps standard output for the one document and reports progress on standard error", async () => {
  script.begin = ({ reason }) =>
    rollout("r1", reason, { state: "finished", hosts: [hostIn("web01", "done-with-residue", { residue: ["sshd"] })] });
  const { code, out, err } = await run(
    "rollout",
    "start",
    "all",
    "--reason",
    "x",
    "--yes",
    "-o",
    "json",
    "--fail-on-residue",
  );
  expect(JSON.parse(out)).toMatchObject({
    schema: "afterpatch.rollout/v1",
    id: "r1",
    state: "finished",
    hosts: [{ residue: ["sshd"] }],
    totals: { done: 0, "done-with-residue": 1 },
  });
  expect(err).toContain("web01 done-with-residue: stays: sshd");
  expect(code).toBe(4);
});

test("rollout start --detach prints the id and leaves", async () => {
  const { code, out } = await run("rollout", "start", "all", "--reason", "x", "--yes", "--detach");
  expect([code, out]).toEqual([0, "r1\n"]);
});

test("rollout start with nothing to do starts nothing", async () => {
  script.plan = { ...PLAN, waves: [{ name: "1", hosts: [planned("web01", [])] }] };
  const { code, out } = await run("rollout", "start", "all", "--reason", "x", "--yes", "-o", "json");
  expect(JSON.parse(out)).toMatchObject({
    schema: "afterpatch.rollout/v1",
    id: null,
    state: "finished",
    totals: { done: 1 },
  });
  expect([code, script.asked.starts]).toEqual([0, []]);
});

test("Ctrl-C detaches: the rollout goes on, and the message says how to come back", async () => {
  const started = start("rollout", "start", "all", "--reason", "x", "--yes", "-o", "json");
  await started.printed("rollout r1 running");
  started.child.kill("SIGINT");
  const { code, out, err } = await started.ended;
  expect(code).toBe(130);
  expect(err).toContain("afterpatch: detached: rollout r1 goes on; come back with 'afterpatch rollout watch r1'\n");
  expect(JSON.parse(out)).toMatchObject({ id: "r1", state: "running" });
  expect(script.asked.aborts).toEqual([]);
});

test("a controller that dies in the middle is waited for: said once, and the rollout is followed to its end", async () => {
  const started = start("rollout", "start", "all", "--reason", "x", "--yes");
  await started.printed("rollout r1 running");
  const { port } = controller;
  controller.kill();
  await started.printed("lost the controller");
  controller = await serveScript(DIRECTORY, script, port);
  await started.printed("the controller is back");
  controller.change("r1", { state: "finished", hosts: [hostIn("web01", "done"), hostIn("web02", "done")] });
  const { code, out, err } = await started.ended;
  expect(code).toBe(0);
  expect(err.match(/lost the controller/g)).toHaveLength(1);
  expect(out.match(/rollout r1 running/g)).toHaveLength(1);
  expect(out).toContain("rollout r1 finished: 2 done");
});

test("a start whose answer is lost is asked again under the same request id, and is one rollout", async () => {
  const { port } = controller;
  const died = new Promise<void>((resolve) => {
    script.afterStart = () => {
      script.afterStart = null;
      controller.kill();
      resolve();
    };
  });
  const started = start("rollout", "start", "all", "--reason", "x", "--yes", "--detach");
  await died;
  controller = await serveScript(DIRECTORY, script, port);
  expect((await started.ended).out).toBe("r1\n");
  expect(new Set(script.asked.starts.map((request) => request.requestId)).size).toBe(1);
  expect(script.asked.starts.length).toBeGreaterThan(1);
  expect(script.rollouts.size).toBe(1);
});

test("rollout status, list, watch and abort", async () => {
  script.rollouts.set(
    "r1",
    rollout("r1", "old", { state: "halted", why: "1 failure", hosts: [hostIn("web01", "failed")] }),
  );
  script.rollouts.set("r2", rollout("r2", "new", { uncovered: [{ name: "db1", why: "lost" }] }));
  const newest = await run("rollout", "status");
  expect([newest.code, newest.out.includes("Rollout r2 running")]).toEqual([0, true]);
  expect((await run("rollout", "status", "--exit-code")).code).toBe(10);
  const halted = await run("rollout", "status", "r1", "-o", "json");
  expect([halted.code, JSON.parse(halted.out).state]).toEqual([3, "halted"]);
  const list = await run("rollout", "list", "-o", "json");
  expect(JSON.parse(list.out).rollouts.map((each: { id: string }) => each.id)).toEqual(["r2", "r1"]);
  expect((await run("rollout", "watch", "r1")).code).toBe(3);
  const aborted = await run("rollout", "abort", "r2", "--reason", "wrong hosts");
  expect([aborted.code, aborted.out.includes("Rollout r2 aborted: wrong hosts")]).toEqual([0, true]);
});

test.each<[string, RpcError, number, RegExp]>([
  [
    "a selection that matches nothing",
    new RpcError(status.NOT_FOUND, "selection-empty", "nothing matches 'wbe' (nearest: web)"),
    6,
    /nearest: web/,
  ],
  [
    "a plan that went stale",
    new RpcError(status.FAILED_PRECONDITION, "stale-plan", "the fleet changed"),
    8,
    /--allow-new/,
  ],
  [
    "hosts held by another rollout",
    new RpcError(status.FAILED_PRECONDITION, "hosts-held", "web01 is in rollout r0"),
    9,
    /r0/,
  ],
  ["too many hosts", new RpcError(status.FAILED_PRECONDITION, "too-many-hosts", "9 hosts"), 5, /--max-hosts/],
  [
    "permission refused",
    new RpcError(status.PERMISSION_DENIED, "role", "a viewer may not start rollouts"),
    5,
    /a viewer may not/,
  ],
  ["a controller that fails", new RpcError(status.INTERNAL, "", "internal error"), 1, /the controller's log/],
])("%s ends with its exit code, one line, and JSON on standard output", async (_name, refusal, expected, message) => {
  script.refuse = refusal;
  const { code, out, err } = await run("rollout", "start", "all", "--reason", "x", "--yes", "-o", "json");
  expect(code).toBe(expected);
  expect(err).toMatch(/^afterpatch: [^\n;]+: [^\n]+; [^\n]+\n$/);
  expect(err).toMatch(message);
  expect(JSON.parse(out)).toMatchObject({ schema: "afterpatch.error/v1", error: { exitCode: expected } });
});

test.each<[string, readonly string[], RegExp]>([
  ["no command", [], /name a command/],
  ["an unknown command", ["frobnicate"], /frobnicate/],
  ["an unknown flag", ["status", "--frobnicate"], /frobnicate/],
  ["a flag twice", ["plan", "all", "--serial", "1", "--serial", "2"], /more than once/],
  ["an unknown format", ["status", "-o", "xml"], /xml/],
  ["no hosts", ["plan"], /an argument is missing/],
  ["a rollout without a reason", ["rollout", "start", "all", "--yes"], /reason/],
  ["a rollout with an empty reason", ["rollout", "start", "all", "--yes", "--reason", " "], /--reason: is empty/],
  ["a rollout nobody confirms", ["rollout", "start", "all", "--reason", "x"], /--yes/],
  ["an empty batch", ["plan", "all", "--serial", "0%"], /no host at all/],
  ["a bad number", ["rollout", "start", "all", "--reason", "x", "--yes", "--max-fail", "1e2"], /1e2/],
  [
    "more hosts than allowed",
    ["rollout", "start", "all", "--reason", "x", "--yes", "--max-hosts", "1"],
    /2 hosts selected, more than --max-hosts 1/,
  ],
  ["a bad duration", ["token", "create", "--expires", "1w"], /not a duration/],
  ["too long a duration", ["token", "create", "--expires", "25h"], /24h/],
  ["a bad label", ["token", "create", "--label", "Role=web"], /Role=web/],
  ["a file that cannot be written", ["status", "--out", "/nonexistent/file"], /cannot write/],
  ["a directory in place of a file", ["status", "--out", "/"], /is a directory/],
  ["a bad address", ["status", "--controller", "localhost"], /HOST:PORT/],
])("%s is a usage error and does nothing", async (_name, args, message) => {
  const { code, out, err } = await run(...args);
  expect([code, out]).toEqual([5, ""]);
  expect(err).toMatch(/^afterpatch: [^\n]+\n$/);
  expect(err).toMatch(message);
  expect([script.asked.starts, script.asked.tokens]).toEqual([[], []]);
});

test("another plan digest than the one that was reviewed is stale, unless new work is allowed", async () => {
  const args = ["rollout", "start", "all", "--reason", "x", "--yes", "--detach", "--plan-digest", "d0"];
  expect((await run(...args)).code).toBe(8);
  expect(script.asked.starts).toEqual([]);
  expect((await run(...args, "--allow-new")).code).toBe(0);
  expect(script.asked.starts).toMatchObject([{ allowNew: true, expectedDigest: "" }]);
});

test.each<[string, (directory: string) => void, number, RegExp]>([
  ["no credentials", (directory) => rmSync(join(directory, "operator.key")), 5, /operator\.key does not exist/],
  [
    "an expired certificate",
    (directory) => copyFileSync(join(DIRECTORY, "expired.crt"), join(directory, "operator.crt")),
    5,
    /expired on/,
  ],
  [
    "somebody else's key",
    (directory) => copyFileSync(join(DIRECTORY, "server.key"), join(directory, "operator.key")),
    5,
    /does not belong/,
  ],
  ["a broken certificate", (directory) => writeFileSync(join(directory, "operator.crt"), "x"), 5, /no PEM certificate/],
  ["a broken key", (directory) => writeFileSync(join(directory, "operator.key"), "x"), 5, /no PEM private key/],
  ["another CA", (directory) => makeCredentials(directory, ""), 5, /certificates do not fit/],
])("%s", async (_name, spoil, expected, message) => {
  const directory = mkdtempSync(join(DIRECTORY, "spoilt-"));
  for (const name of ["ca.crt", "operator.crt", "operator.key"])
    copyFileSync(join(credentials, name), join(directory, name));
  spoil(directory);
  chmodSync(directory, 0o700);
  const { code, err } = await run("status", "--credentials", directory);
  expect(err).toMatch(message);
  expect([code, err.split("\n").length]).toEqual([expected, 2]);
});

test("a controller that is not there is exit 4", async () => {
  controller.kill();
  const { code, err } = await run("status");
  expect(err).toMatch(/^afterpatch: controller localhost:\d+: cannot be reached: .*ECONNREFUSED.*; check the address/);
  expect(code).toBe(4);
  expect((await run("rollout", "watch", "r1")).code).toBe(4);
});

test("something else that answers there is exit 4", async () => {
  const other = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, err } = await run("status", "--controller", `localhost:${port}`);
  other.close();
  expect(err).toContain("does not speak TLS");
  expect(code).toBe(4);
});

test("--help works everywhere and its examples are lines of their own", async () => {
  const { code, out, err } = await run("rollout", "start", "--help");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("\n  afterpatch rollout start 'role=web' --serial 1,25% --reason DSA-6001\n");
  expect((await run("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
