import {
  LONGEST_DELAY_MS,
  LONGEST_REBOOT_MS,
  NO_REBOOT,
  REBOOT_METHODS,
  REBOOT_MODES,
} from "@afterpatch/core/plan/reboot";
import type { StepResult } from "@afterpatch/core/rollout/types";
import type { FromAgent, Permit, PermitOutcome, PermitUpdate, ScanReport, ToAgent } from "@afterpatch/core/session";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pb } from "../messages.ts";
import { fromAgentFromWire, fromAgentToWire, ProtocolError, toAgentFromWire, toAgentToWire } from "./session.ts";

const text = fc.string({ unit: "grapheme" });
/** Counts, epochs and instants; 0 and the largest number that a double holds exactly are among them. */
const count = fc.maxSafeNat();
const instant = fc.maxSafeInteger();
const small = fc.nat(2 ** 32 - 1);

const report: fc.Arbitrary<ScanReport> = fc.record(
  {
    digest: text,
    scannedAt: instant,
    bootId: text,
    os: text,
    kernel: text,
    findings: fc.record({
      service: small,
      "xinetd-session": small,
      application: small,
      kernel: small,
      microcode: small,
    }),
    reboot: fc.constantFrom(true, false, null),
    unreadable: small,
    configError: fc.option(fc.string({ unit: "grapheme", minLength: 1 })),
    body: fc.uint8Array({ maxLength: 40 }),
    scanMs: fc.integer({ min: 1, max: 4_294_967_295 }),
  },
  {
    requiredKeys: [
      "digest",
      "scannedAt",
      "bootId",
      "os",
      "kernel",
      "findings",
      "reboot",
      "unreadable",
      "configError",
      "body",
    ],
  },
);
const step: fc.Arbitrary<StepResult> = fc.record(
  {
    kind: text,
    target: text,
    outcome: fc.constantFrom("done", "failed", "vetoed", "skipped"),
    evidence: text,
    startedAt: instant,
    elapsedMs: instant,
    journal: fc.array(text, { minLength: 1 }),
  },
  { requiredKeys: ["kind", "target", "outcome", "evidence", "startedAt", "elapsedMs"] },
);
const outcome: fc.Arbitrary<PermitOutcome> = fc.record({
  result: fc.constantFrom("verified", "failed", "refused", "stale"),
  code: text,
  message: text,
  residue: fc.array(text),
  proof: fc.option(report),
});
const update: fc.Arbitrary<PermitUpdate> = fc.oneof(
  fc.record({
    permitId: text,
    state: fc.constantFrom("acting", "returning", "settling", "verifying"),
    steps: fc.array(step),
  }),
  fc.record({ permitId: text, state: fc.constant("finished" as const), steps: fc.array(step), outcome }),
);
const permit: fc.Arbitrary<Permit> = fc.record(
  {
    leave: fc.array(fc.record({ kind: text, target: text }), { minLength: 1 }),
    permitId: text,
    rolloutId: text,
    hostId: text,
    bootId: text,
    epoch: count,
    planDigest: text,
    steps: fc.array(fc.record({ kind: text, target: text })),
    beginWithinMs: instant,
    deadlineMs: instant,
    graceMs: instant,
    settleMs: instant,
    allowNew: fc.boolean(),
    reboot: fc.record({
      mode: fc.constantFrom(...REBOOT_MODES),
      method: fc.constantFrom(...REBOOT_METHODS),
      sessionsFirst: fc.boolean(),
      message: fc.string({ maxLength: 500 }),
      delayMs: fc.nat(LONGEST_DELAY_MS),
      withinMs: fc.integer({ min: 1, max: LONGEST_REBOOT_MS }),
      settleMs: fc.integer({ min: 1, max: LONGEST_REBOOT_MS }),
    }),
  },
  {
    requiredKeys: [
      "permitId",
      "rolloutId",
      "hostId",
      "bootId",
      "epoch",
      "planDigest",
      "steps",
      "beginWithinMs",
      "deadlineMs",
      "graceMs",
      "settleMs",
      "allowNew",
      "reboot",
    ],
  },
);
const toAgent: fc.Arbitrary<ToAgent> = fc.oneof(
  fc.record({
    kind: fc.constant("welcome" as const),
    epoch: count,
    controllerVersion: text,
    now: instant,
    reportIntervalMs: instant,
  }),
  fc.record({ kind: fc.constant("report-ack" as const), digest: text, sendBody: fc.boolean() }),
  fc.record({ kind: fc.constant("scan" as const), requestId: text }),
  fc.record({ kind: fc.constant("permit" as const), permit }),
  fc.record({ kind: fc.constant("permit-ack" as const), permitId: text }),
  fc.record({
    kind: fc.constant("probe" as const),
    requestId: text,
    probe: fc.oneof(
      fc.record({ kind: fc.constantFrom("unit", "check", "units"), name: text }),
      fc.record({ kind: fc.constant("snapshot" as const) }),
    ),
    timeoutMs: instant,
  }),
);
const fromAgent: fc.Arbitrary<FromAgent> = fc.oneof(
  fc.record({
    kind: fc.constant("hello" as const),
    agentVersion: text,
    bootId: text,
    epoch: count,
    permits: fc.array(update),
  }),
  fc.record(
    {
      kind: fc.constant("report" as const),
      report,
      requestId: text,
      reason: fc.constantFrom("boot", "schedule", "package-change", "request", "after-apply"),
    },
    { requiredKeys: ["kind", "report", "requestId"] },
  ),
  fc.record({ kind: fc.constant("permit-update" as const), update }),
  fc.record({ kind: fc.constant("scan-failed" as const), requestId: text, why: text }),
  fc.record({
    kind: fc.constant("probe-result" as const),
    requestId: text,
    answer: fc.record({
      why: fc.option(fc.string({ minLength: 1 })),
      failedUnits: fc.array(text),
      ports: fc.array(text),
      units: fc.array(fc.record({ name: text, why: fc.option(fc.string({ minLength: 1 })) })),
    }),
  }),
);

const downBytes = (message: ToAgent) => pb.v1.ControllerMessage.encode(toAgentToWire(message)).finish();
const upBytes = (message: FromAgent) => pb.v1.AgentMessage.encode(fromAgentToWire(message)).finish();
const down = (bytes: Uint8Array) => toAgentFromWire(pb.v1.ControllerMessage.decode(bytes));
const up = (bytes: Uint8Array) => fromAgentFromWire(pb.v1.AgentMessage.decode(bytes));

/** What a newer or broken agent might send: the types do not allow it. */
const sent = (message: object) => pb.v1.AgentMessage.encode(message as never).finish();

/** Bytes arrive in whatever view the decoder makes of them. */
function plain(message: unknown): unknown {
  return JSON.parse(
    JSON.stringify(message, (_key, value) => (value?.type === "Buffer" ? [...value.data] : bytesOf(value))),
  );
}
function bytesOf(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}

test("every message of the controller arrives as it was sent", () => {
  fc.assert(
    fc.property(toAgent, (message) => {
      expect(plain(down(downBytes(message)))).toEqual(plain(message));
    }),
  );
});

test("every message of an agent arrives as it was sent", () => {
  fc.assert(
    fc.property(fromAgent, (message) => {
      expect(plain(up(upBytes(message)))).toEqual(plain(message));
    }),
  );
});

const NOTHING: ScanReport = {
  ...{
    digest: "",
    scannedAt: 0,
    bootId: "",
    os: "",
    kernel: "",
    reboot: null,
    configError: null,
    unreadable: 0,
    body: new Uint8Array(),
  },
  findings: { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 },
};

test("values that the wire leaves out are there again, as own fields", () => {
  const empty: FromAgent = { kind: "report", report: NOTHING, requestId: "" };
  expect(plain(up(upBytes(empty)))).toEqual(plain(empty));
  const none: Permit = {
    ...{ permitId: "", rolloutId: "", hostId: "", bootId: "", epoch: 0, planDigest: "", steps: [] },
    ...{ beginWithinMs: 0, deadlineMs: 0, graceMs: 0, settleMs: 0, allowNew: false },
    reboot: NO_REBOOT,
  };
  const heard = down(downBytes({ kind: "permit", permit: none }));
  expect(heard).toEqual({ kind: "permit", permit: none });
  expect(heard.kind === "permit" && Object.keys(heard.permit).sort()).toEqual(Object.keys(none).sort());
});

test("unknown is not no: a need to reboot that nobody stated is null", () => {
  const heard = up(sent({ body: "report", report: { report: {}, requestId: "" } }));
  expect(heard).toMatchObject({ kind: "report", report: { reboot: null, findings: NOTHING.findings } });
});

test.each([0, 6, 4711])("a report for reason %i, which nobody knows, is a report without a reason", (reason) => {
  const heard = up(sent({ body: "report", report: { report: {}, requestId: "s1", reason } }));
  expect(heard).toMatchObject({ kind: "report", requestId: "s1" });
  expect(heard).not.toHaveProperty("reason");
});

describe("refused, never guessed", () => {
  // Field 15, length-delimited: an arm that a newer peer may have.
  const UNKNOWN_ARM = new Uint8Array([0x7a, 0x00]);
  const finished = (change: object) =>
    sent({
      body: "permitUpdate",
      permitUpdate: { permitId: "p1", state: 4, steps: [], outcome: { result: "verified", residue: [] }, ...change },
    });

  test.each<[string, () => unknown, RegExp]>([
    ["an unknown message of the controller", () => down(UNKNOWN_ARM), /unknown kind/],
    ["an unknown message of an agent", () => up(UNKNOWN_ARM), /unknown kind/],
    ["no message at all from the controller", () => down(new Uint8Array()), /unknown kind/],
    ["no message at all from an agent", () => up(new Uint8Array()), /unknown kind/],
    ["an unknown state of a permit", () => up(finished({ state: 9 })), /permit p1: unknown state 9/],
    ["a permit without a state", () => up(finished({ state: 0 })), /permit p1: unknown state 0/],
    [
      "an unknown result",
      () => up(finished({ outcome: { result: "splendid" } })),
      /unknown result of a permit: "splendid"/,
    ],
    ["no result", () => up(finished({ outcome: { result: "" } })), /unknown result of a permit: ""/],
    ["an end without an outcome", () => up(finished({ outcome: null })), /finished permit without outcome/],
    [
      "an unknown outcome of a step",
      () => up(finished({ steps: [{ outcome: "maybe" }] })),
      /unknown outcome of a step: "maybe"/,
    ],
    ["a report without content", () => up(sent({ body: "report", report: {} })), /without content/],
    [
      "an unknown state in Hello",
      () => up(sent({ body: "hello", hello: { permits: [{ permitId: "p2", state: 7 }] } })),
      /permit p2: unknown state 7/,
    ],
  ])("%s", (_name, receive, why) => {
    expect(receive).toThrow(ProtocolError);
    expect(receive).toThrow(why);
  });

  test("bytes that are no message are no message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          const message = up(bytes);
          expect(["hello", "report", "permit-update", "scan-failed", "probe-result"]).toContain(message.kind);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
