import { expect, test } from "vitest";
import { planOf } from "../plan/plan.ts";
import { type Finding, SCAN_SCHEMA, type Scan } from "../scan.ts";
import { DEFAULT_POLICY } from "./defaults.ts";
import { narrowed } from "./narrow.ts";
import { relaunched } from "./relaunch.ts";
import type { ApplicationRule } from "./types.ts";

const RULE: ApplicationRule = {
  name: "shop",
  match: { executable: "/opt/shop/*", user: "shop", unit: null, container: null },
  stop: { kind: "signal", signal: "TERM", graceMs: 30_000 },
  start: { kind: "command", command: ["/opt/shop/start"], user: null, directory: "/", environment: {} },
};
const SUPERVISED: ApplicationRule = {
  name: "batch",
  match: { executable: null, user: null, unit: "session-*.scope", container: null },
  stop: { kind: "command", command: ["/opt/batchctl", "drain"], timeoutMs: 1000, user: "batch" },
  start: { kind: "none" },
};
const CONTAINER: ApplicationRule = {
  name: "web",
  match: { executable: null, user: null, unit: null, container: "web" },
  stop: { kind: "command", command: ["/bin/systemctl", "restart", "web"], timeoutMs: 1000, user: "root" },
  start: { kind: "none" },
};

function finding(more: Partial<Finding> = {}, user = "shop", executable = "/opt/shop/bin/shop"): Finding {
  return {
    id: "f1",
    verdict: "replaced",
    kind: "application",
    process: { pid: 7, startTicks: 70, startedAt: 0, user, executable, command: "x" },
    owner: { kind: "application", manager: null, name: executable },
    files: [],
    remedy: { kind: "none", target: executable, automatic: false, reason: "Ask shop." },
    ...more,
  };
}

function scanOf(findings: readonly Finding[]): Scan {
  const kernel = { running: "6.1", expected: null, verdict: "unknown" } as const;
  return {
    schema: SCAN_SCHEMA,
    host: { id: null, name: "web01", bootId: "b", os: "debian 12", kernel },
    startedAt: 0,
    elapsedMs: 0,
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    findings,
    unreadable: [],
    notes: [],
    reboot: { required: false, reasons: [] },
  };
}

const service = { kind: "service", manager: "systemd", name: "shop.service" } as const;
const container = { kind: "container", manager: null, name: "docker:1" } as const;
const podman = { ...container, name: "podman:web" } as const;
const session = { kind: "user-session", manager: "systemd", name: "session-3.scope" } as const;
const restart = { kind: "restart-service", target: "shop.service", automatic: false, reason: "Never: so." } as const;

test.each<[string, Finding, readonly ApplicationRule[], string | null]>([
  ["a rule that matches", finding(), [RULE], "shop"],
  ["another user's", finding({}, "bob"), [RULE], null],
  ["another program", finding({}, "shop", "/usr/bin/vim"), [RULE], null],
  ["one of a login session", finding({ owner: session }), [RULE], "shop"],
  ["by the unit it is in", finding({ id: "in-session" }), [SUPERVISED], "batch"],
  ["of which the unit is not known", finding(), [SUPERVISED], null],
  ["the first rule of two", finding({ id: "in-session" }), [SUPERVISED, RULE], "batch"],
  ["what a manager keeps is not the rules'", finding({ owner: service, remedy: restart }), [RULE], null],
  ["nor what is in a container", finding({ owner: container }), [RULE], null],
  ["but by a rule for containers, by its name", finding({ owner: podman }), [RULE, CONTAINER], "web"],
  [
    "or with its engine's",
    finding({ owner: podman }),
    [{ ...CONTAINER, match: { ...CONTAINER.match, container: "podman:w*" } }],
    "web",
  ],
  ["no other container's", finding({ owner: container }), [CONTAINER], null],
  [
    "nor one's of another program",
    finding({ owner: podman }),
    [{ ...CONTAINER, match: { ...CONTAINER.match, executable: "/usr/bin/vim" } }],
    null,
  ],
  ["nor what is in none", finding({ owner: { ...podman, kind: "application" } }), [CONTAINER], null],
  ["nor what is not known to be old", finding({ verdict: "unknown" }), [RULE], null],
])("%s", (_name, given, rules, target) => {
  const scan = relaunched(scanOf([given]), rules, new Map([["in-session", "session-3.scope"]]));
  const steps = planOf(scan).steps.map(({ remedy }) => remedy);
  expect(steps).toEqual(target === null ? [] : [{ kind: "relaunch-application", target }]);
  if (target === null) expect(scan.findings).toEqual([given]);
});

test("one step for all that one rule matches, with its reasons", () => {
  const scan = relaunched(scanOf([finding(), finding({ id: "f2" })]), [RULE]);
  const [step, ...others] = planOf(scan).steps;
  expect(others).toEqual([]);
  expect(step?.findings).toEqual(["f1", "f2"]);
  expect(step?.because).toContain(
    "The rule shop of the agent's file says how: halted by TERM, after 30s by KILL, launched again by /opt/shop/start as whoever ran it.",
  );
  expect(step?.insteadOf.find(({ kind }) => kind === "restart-service")?.whyNot).toBe(
    "No service manager has /opt/shop/bin/shop: there is nothing that it could restart.",
  );
});

test("a file that does not allow the verb leaves it to a person", () => {
  const policy = { ...DEFAULT_POLICY, verbs: ["restart-service"] as const };
  const { steps, residue } = planOf(narrowed(relaunched(scanOf([finding()]), [RULE]), policy));
  expect(steps).toEqual([]);
  expect(residue).toMatchObject([
    { owner: "/opt/shop/bin/shop", reason: expect.stringContaining("relaunch-application") },
  ]);
});
