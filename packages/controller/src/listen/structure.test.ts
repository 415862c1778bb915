import { pb } from "@afterpatch/wire/messages";
import { fromAgentToWire } from "@afterpatch/wire/convert/session";
import type { FromAgent, ScanReport } from "@afterpatch/core/session";
import { expect, test } from "vitest";
import { MOST_STRUCTURE_BYTES, structureBytes } from "./structure.ts";

const encoded = (message: FromAgent) => pb.v1.AgentMessage.encode(fromAgentToWire(message)).finish();
const report = (bodyBytes: number): ScanReport => ({
  ...{
    digest: "d",
    scannedAt: 1,
    bootId: "b",
    os: "debian",
    kernel: "6.1",
    reboot: null,
    unreadable: 0,
    configError: null,
  },
  findings: { service: 1, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 },
  body: new Uint8Array(bodyBytes).fill(7),
});

test("the bodies of reports do not count, wherever they are; all else does", () => {
  const proof = report(3_000_000);
  const step = {
    kind: "restart-service",
    target: "x".repeat(1000),
    outcome: "done",
    evidence: "",
    startedAt: 1,
    elapsedMs: 1,
  } as const;
  const outcome = { result: "verified", code: "", message: "", residue: [], proof } as const;
  const messages: readonly FromAgent[] = [
    { kind: "report", report: proof, requestId: "r", reason: "boot" },
    { kind: "permit-update", update: { permitId: "p", state: "finished", steps: [step], outcome } },
  ];
  for (const message of messages) {
    const bytes = encoded(message);
    expect([message.kind, bytes.length > 3_000_000, structureBytes(bytes)]).toEqual([
      message.kind,
      true,
      expect.any(Number),
    ]);
    expect(structureBytes(bytes)).toBeLessThan(2_000);
  }
  expect(structureBytes(encoded({ kind: "scan-failed", requestId: "", why: "y".repeat(5_000) }))).toBeGreaterThan(
    5_000,
  );
});

test("a report of steps for a thousand units is within, millions of empty ones are not, and broken bytes are no report", () => {
  const step = {
    kind: "restart-service",
    target: `${"u".repeat(60)}.service`,
    outcome: "done",
    evidence: "e".repeat(100),
    startedAt: 1,
    elapsedMs: 1,
  } as const;
  const steps = Array.from({ length: 1_000 }, () => step);
  const many = encoded({ kind: "permit-update", update: { permitId: "p", state: "acting", steps } });
  expect(structureBytes(many)).toBeLessThan(MOST_STRUCTURE_BYTES);
  const bomb = Buffer.alloc(4_000_000);
  for (let at = 0; at < bomb.length; at += 2) bomb[at] = 0x22; // an empty field 4, again and again
  const hello = Buffer.concat([Buffer.from([0x0a, 0x80, 0x92, 0xf4, 0x01]), bomb]);
  expect(structureBytes(hello)).toBe(hello.length);
  // Reports in a row, of which only the last would be kept.
  const one = encoded({ kind: "report", report: report(300_000), requestId: "" });
  expect(structureBytes(Buffer.concat([one, one, one]))).toBeGreaterThan(600_000);
  for (const cut of [1, 2, 7, 40, one.length - 1]) expect(structureBytes(one.subarray(0, cut))).toBe(cut);
});
