import { SCAN_SCHEMA, type Scan } from "./scan.ts";
import * as shape from "./scan-shape.ts";

/**
 * A scan from untrusted JSON. Throws an Error that names the first field that is not as `afterpatch.scan/v1` says.
 * Unknown fields are dropped: fields may be added within v1.
 */
export function parseScan(value: unknown): Scan {
  const scan = shape.record(value, "scan");
  if (scan.schema !== SCAN_SCHEMA) throw new Error(`schema: expected ${JSON.stringify(SCAN_SCHEMA)}`);
  const identical = scan.identical;
  return {
    schema: SCAN_SCHEMA,
    host: parseHost(scan.host),
    startedAt: shape.instant(scan.startedAt, "startedAt"),
    elapsedMs: shape.count(scan.elapsedMs, "elapsedMs"),
    processes: parseCounts(scan.processes),
    findings: shape.list(scan.findings, "findings", shape.MANY, shape.finding),
    unreadable: shape.list(scan.unreadable, "unreadable", shape.MANY, (item, at) => {
      const entry = shape.record(item, at);
      return { pid: shape.count(entry.pid, `${at}.pid`), why: shape.text(entry.why, `${at}.why`) };
    }),
    // A scan from before there were notes has none.
    notes: scan.notes === undefined ? [] : shape.list(scan.notes, "notes", shape.SOME, shape.text),
    ...(scan.config === undefined ? {} : { config: parseConfig(scan.config) }),
    ...(identical === undefined ? {} : { identical: parseIdentical(identical) }),
    reboot: parseReboot(scan.reboot),
  };
}

function parseHost(value: unknown): Scan["host"] {
  const host = shape.record(value, "host");
  const kernel = shape.record(host.kernel, "host.kernel");
  return {
    id: shape.orNull(host.id, "host.id", shape.text),
    name: shape.text(host.name, "host.name"),
    bootId: shape.text(host.bootId, "host.bootId"),
    os: shape.text(host.os, "host.os"),
    kernel: {
      running: shape.text(kernel.running, "host.kernel.running"),
      expected: shape.orNull(kernel.expected, "host.kernel.expected", shape.text),
      verdict: shape.oneOf(kernel.verdict, "host.kernel.verdict", ["current", "outdated", "unknown"]),
      ...parseLivePatches(kernel.livePatches),
    },
    ...(host.microcode === undefined ? {} : { microcode: parseMicrocode(host.microcode) }),
  };
}

function parseLivePatches(value: unknown): Pick<Scan["host"]["kernel"], "livePatches"> {
  if (value === undefined) return {};
  const names = (list: unknown, at: string) => shape.list(list, at, shape.SOME, shape.text);
  return { livePatches: shape.orNull(value, "host.kernel.livePatches", names) };
}

function parseMicrocode(value: unknown): NonNullable<Scan["host"]["microcode"]> {
  const microcode = shape.record(value, "host.microcode");
  return {
    running: shape.orNull(microcode.running, "host.microcode.running", shape.text),
    offered: shape.orNull(microcode.offered, "host.microcode.offered", shape.text),
    verdict: shape.oneOf(microcode.verdict, "host.microcode.verdict", ["current", "outdated", "unknown"]),
  };
}

function parseCounts(value: unknown): Scan["processes"] {
  const counts = shape.record(value, "processes");
  return {
    seen: shape.count(counts.seen, "processes.seen"),
    scanned: shape.count(counts.scanned, "processes.scanned"),
    vanished: shape.count(counts.vanished, "processes.vanished"),
    unreadable: shape.count(counts.unreadable, "processes.unreadable"),
  };
}

function parseConfig(value: unknown): NonNullable<Scan["config"]> {
  const config = shape.record(value, "config");
  return {
    verdict: shape.oneOf(config.verdict, "config.verdict", ["invalid", "unknown"]),
    why: shape.text(config.why, "config.why"),
  };
}

function parseIdentical(value: unknown): NonNullable<Scan["identical"]> {
  return shape.list(value, "identical", shape.MANY, (item, at) => {
    const entry = shape.record(item, at);
    return { pid: shape.count(entry.pid, `${at}.pid`), path: shape.text(entry.path, `${at}.path`) };
  });
}

function parseReboot(value: unknown): Scan["reboot"] {
  const reboot = shape.record(value, "reboot");
  return {
    required: shape.orNull(reboot.required, "reboot.required", shape.flag),
    reasons: shape.list(reboot.reasons, "reboot.reasons", shape.SOME, shape.text),
  };
}
