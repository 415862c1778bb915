import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ended, permitted, rolloutPlan, SSH, started, T0 } from "../fakes/rollout.ts";
import { DONE, hostIn, rollout, useBench } from "./cli-fixtures.ts";
import { temporaryDirectory } from "./programs.ts";
import { trustedPlace } from "./trusted-place.ts";

// What auditors are given of a rollout: before a scripted controller, and before a real one whose store has a rollout.

const bench = useBench();
const PLANNED = [
  { kind: "restart-service", target: "nginx.service" },
  { kind: "restart-service", target: "ssh.service" },
];
const PROOF = { digest: "d9", scannedAt: 1_700_000_200_000, bootId: "b2", kernel: "6.1.0-41\u001b", findings: 1 };

test("report: who ordered what, each work item with its evidence, and what proves it", async () => {
  const hosts = [
    hostIn("web01", "done", { steps: [DONE] }),
    hostIn("web02", "failed", { reason: "deadline\u001b[2J" }),
  ];
  bench.script.rollouts.set("r1", rollout("r1", "DSA-1", { hosts, state: "halted", why: "1 failed", endedAt: 5 }));
  const permits = [{ id: "p1", at: 4, bootId: "b1", epoch: 3 }];
  bench.script.report.set("web01", { planned: PLANNED, permits, proof: PROOF });
  const json = await bench.run("report", "r1", "-o", "json");
  expect([json.code, json.err]).toEqual([0, ""]);
  expect(JSON.parse(json.out)).toMatchObject({
    ...{ schema: "afterpatch.report/v1", id: "r1", reason: "DSA-1", state: "halted", why: "1 failed", endedAt: 5 },
    ...{ waves: ["canary", "rest"], orders: [{ type: "approved", actor: "ada", wave: "canary", host: null }] },
    audit: { head: `42:${"ab".repeat(32)}`, entries: [7, 8] },
    totals: { done: 1, failed: 1 },
    hosts: [
      {
        ...{ name: "web01", wave: "canary", permits: [{ bootId: "b1", epoch: 3 }], audit: [9] },
        items: [
          { id: "restart-service:nginx.service", planned: true, outcome: "done", evidence: "new InvocationID" },
          { id: "restart-service:ssh.service", planned: true, outcome: null, elapsedMs: null },
        ],
        proof: { bootId: "b2", kernel: "6.1.0-41\\u{1b}", findings: 1 },
      },
      { name: "web02", wave: "rest", reason: "deadline\\u{1b}[2J", items: [], proof: null, audit: [10] },
    ],
  });
  const lines = (await bench.run("report", "-o", "jsonl")).out.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ rollout: "r1", name: "web01" }, { name: "web02" }]);
  const table = await bench.run("report", "r1", "--exit-code");
  expect(table.code).toBe(3);
  expect(table.out).toMatch(
    /^canary +web01 +done +restart-service nginx\.service done, restart-service ssh\.service not/m,
  );
  expect(table.out).toMatch(/^2023-11-14T22:15:00Z approved by ada: canary$/m);
  expect(table.out).toContain(`Audit log at 42:${"ab".repeat(32)}`);
});

test("report: a rollout that nobody knows, and a file that cannot be written", async () => {
  bench.script.rollouts.set("r1", rollout("r1"));
  const unknown = await bench.run("report", "r9", "-o", "json");
  expect([unknown.code, JSON.parse(unknown.out)]).toMatchObject([6, { error: expect.anything() }]);
  const out = await bench.run("report", "r1", "--out", "/nonexistent/report.json");
  expect([out.code, out.err]).toEqual([5, expect.stringMatching(/^afterpatch: --out: cannot write /)]);
});

test("report: an auditor finds the entries of the audit log, and the proof in the event that they hash", async () => {
  const place = await trustedPlace();
  const { store } = place.controller;
  const plan = { ...rolloutPlan({ hosts: ["web1", "web2-clean"] }), uncovered: [{ name: "web9", why: "lost" }] };
  const proof = { digest: "d1", scannedAt: T0, bootId: "b1", kernel: "6.1", findings: 0 };
  await store.rollouts.create(plan, "q1", [started]);
  const nothing = { type: "nothing-to-do", at: T0, hostId: "web2-clean", residue: ["cron job"] } as const;
  const steps = [{ ...SSH, outcome: "done" as const, evidence: "InvocationID a to b", startedAt: T0, elapsedMs: 7 }];
  const end = { ...ended("web1"), steps, proof };
  const close = { type: "closed", at: T0 + 9, state: "finished", why: "" } as const;
  for (const [index, event] of [nothing, permitted("web1"), end, close].entries())
    await store.rollouts.append("r1", { version: index + 1, event, isClosing: event === close, charge: null });
  const file = join(await temporaryDirectory(), "report.json");
  const { code, err } = await place.admin("report", "r1", "-o", "json", "--out", file, "--exit-code");
  expect([code, err]).toEqual([4, ""]); // web9 is not covered
  const report = JSON.parse(readFileSync(file, "utf8"));
  expect(report).toMatchObject({
    ...{ state: "finished", endedAt: T0 + 9, pattern: "all", waves: ["1"], uncovered: [{ name: "web9", why: "lost" }] },
    hosts: [
      {
        ...{ name: "web1", state: "done", proof, permits: [{ id: "web1-p1", bootId: "b1", epoch: 1 }] },
        items: [{ id: "restart-service:ssh.service", outcome: "done", evidence: "InvocationID a to b", elapsedMs: 7 }],
      },
      { name: "web2-clean", state: "done-with-residue", residue: ["cron job"], items: [], proof: null },
    ],
  });
  const log = JSON.parse((await place.admin("audit", "list", "--all", "--object", "r1", "-o", "json")).out).entries;
  const told = [...report.audit.entries, ...report.hosts.flatMap(({ audit }: { audit: number[] }) => audit)];
  expect(told.toSorted((a, b) => a - b)).toEqual(log.map(({ seq }: { seq: number }) => seq));
  expect((await place.admin("audit", "verify", "--head", report.audit.head)).code).toBe(0);
}, 60_000);

test("report: more hosts than fit into one message come in their order, each once", async () => {
  const place = await trustedPlace();
  const { store } = place.controller;
  const hosts = Array.from({ length: 450 }, (_, index) => `web${index}-clean`);
  await store.rollouts.create(rolloutPlan({ hosts }), "q1", [started]);
  for (const [index, hostId] of hosts.entries()) {
    const event = { type: "nothing-to-do", at: T0, hostId, residue: [] } as const;
    await store.rollouts.append("r1", { version: index + 1, event, isClosing: false, charge: null });
  }
  const { code, out } = await place.admin("report", "r1", "-o", "jsonl");
  const told = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect([code, told.map(({ name }) => name)]).toEqual([0, hosts]);
  expect(told.every(({ state, audit }) => state === "done" && audit.length === 1)).toBe(true);
}, 60_000);
