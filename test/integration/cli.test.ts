import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { DONE, hostIn, PLAN, planned, waveOf, rollout, STATUS, useBench, WEB01 } from "./cli-fixtures.ts";
import type { Status } from "./cli-scripted.ts";

const bench = useBench();

test("token create prints the token alone", async () => {
  expect(
    await bench.run("token", "create", "--uses", "2", "--expires", "2h", "--label", "role=web", "--label", "zone=a"),
  ).toEqual({
    code: 0,
    out: "ap1.token\n",
    err: "",
  });
  expect(bench.script.asked.tokens).toMatchObject([
    { uses: 2, expiresMs: 7_200_000, labels: { role: "web", zone: "a" } },
  ]);
});

test("token create --out writes a new file for its owner alone, and overwrites none", async () => {
  const path = join(bench.directory, "join.token");
  expect((await bench.run("token", "create", "--out", path)).code).toBe(0);
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["ap1.token\n", 0o600]);
  writeFileSync(path, "the token of yesterday\n");
  const { code, err } = await bench.run("token", "create", "--out", path);
  expect([code, err]).toEqual([
    5,
    `afterpatch: --out: ${path} is there already; name another file, or remove that one\n`,
  ]);
  expect([readFileSync(path, "utf8"), bench.script.asked.tokens.length]).toEqual(["the token of yesterday\n", 1]);
  expect((await bench.run("token", "create", "--out", "/dev/null")).code).toBe(0);
});

test("status as a table shows every host, what is unknown, and totals; text of a host cannot drive the terminal", async () => {
  const { code, out } = await bench.run("status", "--by", "host");
  expect(code).toBe(0);
  expect(out).toMatch(/^web01 +connected +6\.1\.0-40-amd64 +2 +1 +0 +1 +0 +needed +\d+d$/m);
  expect(out).toMatch(/^web02\\u\{1b\}\[31m +connected +\? +\? +\? +\? +\? +\? +\? +never$/m);
  expect(out).toContain(
    "2 hosts: 2 connected; 4 findings: 2 service, 1 xinetd-session, 1 kernel; 1 to reboot; 1 never reported\n",
  );
  expect(bench.script.asked.patterns).toEqual([""]);
});

test("a host that never reported is not said to be free of old code", async () => {
  bench.script.status = { hosts: STATUS.hosts.slice(1) };
  expect((await bench.run("status", "--by", "host")).out).toMatch(/\n1 host: 1 connected; 1 never reported\n$/);
});

test("status names the hosts on which nothing is done, with what is wrong in their file", async () => {
  const configError = "/etc/afterpatch/agent.yaml:3: grace: \u001b[2J";
  bench.script.status = { hosts: [{ ...WEB01, configError }] };
  const said = "the agent's file is invalid, nothing is done: /etc/afterpatch/agent.yaml:3: grace: \\u{1b}[2J";
  const { out } = await bench.run("status", "--by", "host");
  expect(out).toContain(`\nweb01: ${said}\n`);
  expect(out).toMatch(/; nothing is done on 1 host\n$/);
  const document = JSON.parse((await bench.run("status", "-o", "json")).out);
  expect(document).toMatchObject({ hosts: [{ notes: [said] }], totals: { notes: 1 } });
});

test("status as JSON and YAML is afterpatch.status/v1, with null for what nobody knows", async () => {
  const { code, out } = await bench.run("status", "web*", "-o", "json");
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
  expect(bench.script.asked.patterns).toEqual(["web*"]);
  expect(parse((await bench.run("status", "-o", "yaml")).out)).toEqual(JSON.parse(out));
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
  bench.script.status = answer;
  expect((await bench.run("status", "--exit-code")).code).toBe(expected);
  expect((await bench.run("status")).code).toBe(0);
});

test("plan shows waves, batch sizes as integers, reasons and residue, and never acts", async () => {
  const { code, out } = await bench.run("plan", "role=web", "--serial", "1,25%", "-o", "wide");
  expect(code).toBe(0);
  expect(out).toContain("2 hosts, batches of 1, then 2 at a time");
  expect(out).toContain("restart-service nginx.service: it maps the old libssl.so.3");
  expect(out).toContain("not reload: nginx keeps the library over a reload");
  expect(out).toContain("stays: sshd: an administrator is logged in");
  expect((await bench.run("plan", "all", "--exit-code")).code).toBe(10);
  bench.script.plan = { ...PLAN, uncovered: [{ name: "db1", why: "lost for 2h" }] };
  const left = await bench.run("plan", "all", "--exit-code");
  expect(left.out).toContain("db1: lost for 2h");
  expect(left.code).toBe(4);
  expect(bench.script.asked.starts).toEqual([]);
});

test("plan -o json --out writes afterpatch.fleetplan/v1 to the file and nothing to standard output", async () => {
  const file = join(bench.directory, "plan.json");
  expect(await bench.run("plan", "all", "-o", "json", "--out", file)).toEqual({ code: 0, out: "", err: "" });
  const document: unknown = JSON.parse(readFileSync(file, "utf8"));
  expect(document).toMatchObject({
    schema: "afterpatch.fleetplan/v1",
    digest: "d1",
    ramp: [1, 2],
    waves: [{ hosts: [{ name: "web01", steps: [{ remedy: { kind: "restart-service" } }] }, {}] }],
  });
});

test("rollout start without a terminal shows the plan, one line per change, and ends with the rollout", async () => {
  const started = bench.start(
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
  bench.controller.change("r1", { hosts: [hostIn("web01", "acting"), hostIn("web02", "pending")] });
  await started.printed("web01 acting");
  const hosts = [
    hostIn("web01", "done", { steps: [DONE] }),
    hostIn("web02", "failed", { reason: "nginx.service did not start" }),
  ];
  bench.controller.change("r1", { hosts, state: "finished" });
  const { code, out } = await started.ended;
  expect(code).toBe(2);
  expect(out).toContain("2 hosts, batches of 1");
  const lines = out.split("\n").filter((line) => line.startsWith("20"));
  expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual([
    "rollout r1 running: 2 hosts: DSA-6001",
    "web01 acting",
    "web01 done: restart-service nginx.service done",
    "web02 failed: nginx.service did not start",
    "rollout r1 finished: 1 done, 1 failed",
  ]);
  expect(lines.every((line) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /.test(line))).toBe(true);
  expect(bench.script.asked.starts).toMatchObject([
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
  bench.script.begin = ({ reason }) =>
    rollout("r1", reason, { state: "finished", hosts: [hostIn("web01", "done-with-residue", { residue: ["sshd"] })] });
  const { code, out, err } = await bench.run(
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
  const { code, out } = await bench.run("rollout", "start", "all", "--reason", "x", "--yes", "--detach");
  expect([code, out]).toEqual([0, "r1\n"]);
});

test("rollout start with nothing to do starts nothing", async () => {
  bench.script.plan = { ...PLAN, waves: [waveOf("1", planned("web01", []))] };
  const { code, out } = await bench.run("rollout", "start", "all", "--reason", "x", "--yes", "-o", "json");
  expect(JSON.parse(out)).toMatchObject({
    schema: "afterpatch.rollout/v1",
    id: null,
    state: "finished",
    totals: { done: 1 },
  });
  expect([code, bench.script.asked.starts]).toEqual([0, []]);
});

test("Ctrl-C detaches: the rollout goes on, and the message says how to come back", async () => {
  const started = bench.start("rollout", "start", "all", "--reason", "x", "--yes", "-o", "json");
  await started.printed("rollout r1 running");
  started.child.kill("SIGINT");
  const { code, out, err } = await started.ended;
  expect(code).toBe(130);
  expect(err).toContain(
    "afterpatch: detached: rollout r1 goes on; come back with 'afterpatch rollout watch r1', stop it with 'afterpatch rollout abort r1'\n",
  );
  expect(JSON.parse(out)).toMatchObject({ id: "r1", state: "running" });
  expect(bench.script.asked.aborts).toEqual([]);
});

test("a controller that dies in the middle is waited for: said once, and the rollout is followed to its end", async () => {
  const started = bench.start("rollout", "start", "all", "--reason", "x", "--yes");
  await started.printed("rollout r1 running");
  bench.controller.kill();
  await started.printed("lost the controller");
  await bench.comeBack();
  await started.printed("the controller is back");
  bench.controller.change("r1", { state: "finished", hosts: [hostIn("web01", "done"), hostIn("web02", "done")] });
  const { code, out, err } = await started.ended;
  expect(code).toBe(0);
  expect(err.match(/lost the controller/g)).toHaveLength(1);
  expect(out.match(/rollout r1 running/g)).toHaveLength(1);
  expect(out).toContain("rollout r1 finished: 2 done");
});

test("a start whose answer is lost is asked again under the same request id, and is one rollout", async () => {
  const died = new Promise<void>((resolve) => {
    bench.script.afterStart = () => {
      bench.script.afterStart = null;
      bench.controller.kill();
      resolve();
    };
  });
  const started = bench.start("rollout", "start", "all", "--reason", "x", "--yes", "--detach");
  await died;
  await bench.comeBack();
  expect((await started.ended).out).toBe("r1\n");
  expect(new Set(bench.script.asked.starts.map((request) => request.requestId)).size).toBe(1);
  expect(bench.script.asked.starts.length).toBeGreaterThan(1);
  expect(bench.script.rollouts.size).toBe(1);
});

test("rollout status, list, watch and abort", async () => {
  bench.script.rollouts.set(
    "r1",
    rollout("r1", "old", { state: "halted", why: "1 failure", hosts: [hostIn("web01", "failed")] }),
  );
  bench.script.rollouts.set("r2", rollout("r2", "new", { uncovered: [{ name: "db1", why: "lost" }] }));
  const newest = await bench.run("rollout", "status");
  expect([newest.code, newest.out.includes("Rollout r2 running")]).toEqual([0, true]);
  expect((await bench.run("rollout", "status", "--exit-code")).code).toBe(10);
  const halted = await bench.run("rollout", "status", "r1", "-o", "json");
  expect([halted.code, JSON.parse(halted.out).state]).toEqual([3, "halted"]);
  const list = await bench.run("rollout", "list", "-o", "json");
  expect(JSON.parse(list.out).rollouts.map((each: { id: string }) => each.id)).toEqual(["r2", "r1"]);
  expect((await bench.run("rollout", "watch", "r1")).code).toBe(3);
  const aborted = await bench.run("rollout", "abort", "r2", "--reason", "wrong hosts");
  expect([aborted.code, aborted.out.includes("Rollout r2 aborted: wrong hosts")]).toEqual([0, true]);
});

test("rollout pause and resume; --no-wait leaves one that waits", async () => {
  bench.script.rollouts.set("r1", rollout("r1", "new"));
  const paused = await bench.run("rollout", "pause", "r1", "--reason", "busy");
  expect([paused.code, paused.out.includes("Rollout r1 paused: busy")]).toEqual([0, true]);
  const resumed = await bench.run("rollout", "resume", "r1");
  expect([resumed.code, resumed.out.includes("Rollout r1 running")]).toEqual([0, true]);
  bench.script.rollouts.set("r1", rollout("r1", "new", { state: "paused", why: "busy" }));
  const left = await bench.run("rollout", "watch", "r1", "--no-wait", "-o", "json");
  expect([left.code, JSON.parse(left.out).state]).toEqual([7, "paused"]);
  expect(left.err).toContain("rollout r1 is paused; come back with 'afterpatch rollout watch r1'\n");
  expect((await bench.run("rollout", "status", "r1", "--exit-code")).code).toBe(7);
});
