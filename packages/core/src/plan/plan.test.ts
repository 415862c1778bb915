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
  const { steps, residue } = planOf({ ...EMPTY, findings });
  expect(steps.map(({ id }) => id)).toEqual(["end-session:host", "restart-service:host", "reexec:host"]);
  expect(residue.map(({ owner }) => owner)).toEqual([
    "relaunch-application.service",
    "reload.service",
    "restart-container.service",
    "reboot.service",
    "none.service",
  ]);
});
