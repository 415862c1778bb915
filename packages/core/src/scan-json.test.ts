import { expect, test } from "vitest";
import { parseScan } from "./scan-json.ts";

const FINDING = {
  id: "a1",
  verdict: "replaced",
  kind: "service",
  process: { pid: 1, startTicks: 2, startedAt: 3, user: "root", executable: "/x", command: "x" },
  owner: { kind: "service", manager: "systemd", name: "x.service" },
  files: [
    {
      path: "/l",
      kind: "library",
      verdict: "replaced",
      buildId: { mapped: null, onDisk: "ab" },
      package: null,
      cves: null,
    },
  ],
  remedy: { kind: "restart-service", target: "x.service", automatic: true, reason: "r" },
};

const SCAN = {
  schema: "afterpatch.scan/v1",
  host: { id: null, name: "h", bootId: "b", os: "o", kernel: { running: "k", expected: null, verdict: "unknown" } },
  startedAt: 1,
  elapsedMs: 2,
  processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
  findings: [FINDING],
  unreadable: [],
  notes: [],
  reboot: { required: null, reasons: [] },
};

test("a scan is taken as it is, fields of later versions are dropped", () => {
  expect(parseScan({ ...SCAN, later: true })).toEqual(SCAN);
});

test("control characters from a host that does not escape them are made visible", () => {
  expect(parseScan({ ...SCAN, host: { ...SCAN.host, name: "\x1b[2Jh" } }).host.name).toBe("\\u{1b}[2Jh");
});

function finding(change: object): unknown {
  return { ...SCAN, findings: [{ ...FINDING, ...change }] };
}

test.each([
  ["no object", null, "scan: expected an object"],
  ["another schema", { ...SCAN, schema: "afterpatch.scan/v2" }, "schema: "],
  ["no findings", { ...SCAN, findings: undefined }, "findings: expected a list"],
  [
    "too many findings",
    { ...SCAN, findings: Array.from({ length: 100_001 }, () => FINDING) },
    "findings: more than 100000",
  ],
  ["text for a number", { ...SCAN, startedAt: "1" }, "startedAt: "],
  ["a negative count", { ...SCAN, processes: { ...SCAN.processes, seen: -1 } }, "processes.seen: "],
  ["a time beyond all dates", { ...SCAN, startedAt: 9e15 }, "startedAt: "],
  ["an unknown verdict", finding({ verdict: "fine" }), "findings[0].verdict: expected one of replaced,"],
  ["an unknown remedy", finding({ remedy: { ...FINDING.remedy, kind: "exec" } }), "findings[0].remedy.kind: "],
  [
    "automatic that is no truth value",
    finding({ remedy: { ...FINDING.remedy, automatic: 1 } }),
    "findings[0].remedy.automatic: ",
  ],
  [
    "a manager from Object.prototype",
    finding({ owner: { ...FINDING.owner, manager: "constructor" } }),
    "findings[0].owner.manager: ",
  ],
  ["endless text", finding({ id: "x".repeat(70_000) }), "findings[0].id: longer than"],
  ["an absent process", finding({ process: undefined }), "findings[0].process: "],
])("refused: %s", (_name, value, message) => expect(() => parseScan(value)).toThrow(message));
