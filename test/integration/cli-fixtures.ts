import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type Cli, cli, type Ended, makeCredentials } from "./cli-process.ts";
import { type Plan, type Rollout, type Script, type Scripted, type Status, serveScript } from "./cli-scripted.ts";

/** A fresh scripted controller for each test of a file, and the CLI with credentials for it. */
export interface Bench {
  readonly directory: string;
  readonly credentials: string;
  readonly script: Script;
  readonly controller: Scripted;
  start(...args: string[]): Cli;
  run(...args: string[]): Promise<Ended>;
  /** Serves the same script on the same port again, after a kill. */
  comeBack(): Promise<void>;
}

export function useBench(): Bench {
  const directory = mkdtempSync(join(tmpdir(), "afterpatch-cli-"));
  const credentials = join(directory, "operator");
  let script = newScript();
  let controller: Scripted;
  beforeAll(() => makeCredentials(directory, "localhost:1"));
  beforeEach(async () => {
    script = newScript();
    controller = await serveScript(directory, script);
  });
  afterEach(() => controller.kill());
  afterAll(() => rmSync(directory, { recursive: true }));
  const start = (...args: string[]) =>
    cli(args, { AFTERPATCH_CREDENTIALS: credentials, AFTERPATCH_CONTROLLER: `localhost:${controller.port}` });
  return {
    directory,
    credentials,
    get script() {
      return script;
    },
    get controller() {
      return controller;
    },
    start,
    run: (...args) => start(...args).ended,
    comeBack: async () => {
      controller = await serveScript(directory, script, controller.port);
    },
  };
}

export function newScript(): Script {
  const begin: Script["begin"] = (request) => rollout("r1", request.reason);
  const asked = { starts: [], patterns: [], reboots: [], tokens: [], aborts: [] };
  return {
    status: STATUS,
    found: [],
    plan: PLAN,
    rollouts: new Map(),
    events: [],
    report: new Map(),
    begin,
    refuse: null,
    afterStart: null,
    requests: new Map(),
    asked,
  };
}

export const WEB01: Status["hosts"][number] = {
  id: "h1",
  name: "web01",
  labels: { role: "web" },
  state: "connected",
  lastReportAt: 1_700_000_000_000,
  agentVersion: "0.1.0",
  kernel: "6.1.0-40-amd64",
  findings: { service: 2, xinetdSession: 1, application: 0, kernel: 1, microcode: 0 },
  reboot: 2,
  unreadable: 0,
  notScanned: "",
  configError: "",
  presence: "connected",
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
export const STATUS: Status = { hosts: [WEB01, WEB02] };

const STEP = {
  id: "restart-service:nginx.service",
  kind: "restart-service",
  target: "nginx.service",
  findings: ["f1"],
  because: "it maps the old libssl.so.3",
  insteadOf: [{ kind: "reload", whyNot: "nginx keeps the library over a reload" }],
};
export const planned = (name: string, steps = [STEP], residue: string[] = []) => ({
  hostId: name,
  name,
  steps,
  residue,
  reportedAt: 1,
  unreadable: 0,
});
/** A wave of these hosts, as a controller without a file sends it. */
export const waveOf = (
  name: string,
  ...hosts: readonly Plan["waves"][number]["hosts"][number][]
): Plan["waves"][number] => ({
  ...{ name, hosts: [...hosts], ramp: [1, 2], after: [], bakeMs: 0, isApproved: false },
});
export const PLAN: Plan = {
  digest: "d1",
  waves: [waveOf("1", planned("web01", [STEP], ["sshd: an administrator is logged in"]), planned("web02"))],
  uncovered: [],
  ramp: [1, 2],
  plannedAt: 1_700_000_000_000,
  fleetHosts: 20,
  actor: "ops",
  budgets: [],
};

export const hostIn = (name: string, state: string, more = {}): Rollout["hosts"][number] => ({
  name,
  hostId: name,
  state,
  reason: "",
  steps: [],
  residue: [],
  changedAt: 1_700_000_000_000,
  hasWork: true,
  rebootDueAt: 0,
  ...more,
});
export const DONE = {
  kind: "restart-service",
  target: "nginx.service",
  outcome: "done",
  evidence: "new InvocationID",
  startedAt: 1,
  elapsedMs: 900,
};

export function rollout(id: string, reason = "DSA-1", change: Partial<Rollout> = {}): Rollout {
  const hosts = [hostIn("web01", "pending"), hostIn("web02", "pending")];
  const about = { id, name: "", reason, state: "running", actor: "admin", createdAt: 1_700_000_000_000, digest: "d1" };
  return { ...about, hosts, why: "", version: 1, uncovered: [], endedAt: 0, ...change };
}
