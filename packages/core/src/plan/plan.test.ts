import { expect, test } from "vitest";
import { findingOf } from "../../../../test/fakes/finding.ts";
import { REMEDIES, SCAN_SCHEMA, type Scan } from "../scan.ts";
import { planOf } from "./plan.ts";

const EMPTY: Scan = {
  schema: SCAN_SCHEMA,
  host: {
    id: null,
    name: "web01",
    bootId: "b1",
    os: "debian 12",
    kernel: { running: "6.1", expected: null, verdict: "unknown" },
  },
  startedAt: 0,
  elapsedMs: 0,
  processes: { seen: 0, scanned: 0, vanished: 0, unreadable: 0 },
  findings: [],
  unreadable: [],
  notes: [],
  reboot: { required: null, reasons: [] },
};

test("a scan that calls every remedy automatic still gets steps only for those that are carried out", () => {
  const findings = REMEDIES.map((kind, pid) => {
    const finding = findingOf(
      "service",
      `${kind}.service`,
      { pid, startTicks: 1, isOld: true },
      { kind, target: "host" },
    );
    return { ...finding, remedy: { ...finding.remedy, automatic: true } };
  });
  const { steps, residue } = planOf({ ...EMPTY, findings }, [], { mode: "never", sessionsFirst: false });
  expect(steps.map(({ id }) => id)).toEqual([
    "end-session:host",
    "relaunch-application:host",
    "restart-service:host",
    "reexec:host",
  ]);
  expect(residue.map(({ owner }) => owner)).toEqual([
    "reload.service",
    "restart-container.service",
    "reboot.service",
    "none.service",
  ]);
});

test("what is done on request alone is a step for whoever asked for it by name", () => {
  const logind = findingOf(
    "service",
    "systemd-logind.service",
    { pid: 7, startTicks: 1, isOld: true },
    { kind: "restart-service", target: "systemd-logind.service" },
  );
  const dbus = findingOf(
    "service",
    "dbus.service",
    { pid: 8, startTicks: 1, isOld: true },
    { kind: "restart-service", target: "dbus.service" },
  );
  const findings = [
    { ...logind, remedy: { ...logind.remedy, automatic: false, onRequest: true as const } },
    { ...dbus, remedy: { ...dbus.remedy, automatic: false } },
  ];
  const scan = { ...EMPTY, findings };
  expect(planOf(scan).steps).toEqual([]);
  const asked = ["systemd-logind.service", "dbus.service"].map((target) => ({ kind: "restart-service", target }));
  const { steps, residue } = planOf(scan, asked);
  expect(steps.map(({ id }) => id)).toEqual(["restart-service:systemd-logind.service"]);
  expect(residue.map(({ owner }) => owner)).toEqual(["dbus.service"]);
});

test.each([
  ["end-session", []],
  ["restart-service", ["end-session", "relaunch-application", "reload"]],
  ["reexec", ["end-session", "relaunch-application", "reload", "restart-service"]],
] as const)("a step of %s says of each smaller remedy why it does not do", (kind, smaller) => {
  const finding = findingOf("service", "db.service", { pid: 7, startTicks: 1, isOld: true }, { kind, target: "db" });
  const [step] = planOf({ ...EMPTY, findings: [finding] }).steps;
  const told = step?.insteadOf.slice(0, smaller.length) ?? [];
  expect(told.map((other) => other.kind)).toEqual(smaller);
  for (const { whyNot } of told) expect(whyNot).toMatch(/db\.service.*[^.]\.$/);
});
