import type { StepResult } from "@afterpatch/core/rollout/types";
import type { FromAgent, Permit, PermitOutcome, PermitUpdate, ReportReason, ToAgent } from "@afterpatch/core/session";
import { pb } from "../messages.ts";
import { RebootOrderError, rebootFromWire, rebootToWire } from "./reboot.ts";
import { reportFromWire, reportToWire } from "./report.ts";

type WireToAgent = ReturnType<typeof pb.v1.ControllerMessage.decode>;
type WireFromAgent = ReturnType<typeof pb.v1.AgentMessage.decode>;
type WireUpdate = pb.v1.PermitUpdate;

/** A message that breaks the protocol: an unknown verb or value is refused, never guessed. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

export function toAgentToWire(message: ToAgent): WireToAgent {
  switch (message.kind) {
    case "welcome": {
      const { epoch, controllerVersion, now, reportIntervalMs, auditHead = "" } = message;
      return { body: "welcome", welcome: { epoch, controllerVersion, now, reportIntervalMs, auditHead } };
    }
    case "report-ack":
      return { body: "reportAck", reportAck: { digest: message.digest, sendBody: message.sendBody } };
    case "scan":
      return { body: "scanRequest", scanRequest: { requestId: message.requestId } };
    case "permit": {
      const steps = message.permit.steps.map(({ kind, target }) => ({ kind, target }));
      const reboot = rebootToWire(message.permit.reboot);
      const leave = (message.permit.leave ?? []).map(({ kind, target }) => ({ kind, target }));
      const { isOrdered: ordered = false, ...permit } = message.permit;
      return { body: "permit", permit: { ...permit, steps, reboot, leave, ordered } };
    }
    case "permit-ack":
      return { body: "permitAck", permitAck: { permitId: message.permitId } };
    case "probe": {
      const { requestId, probe, timeoutMs } = message;
      const name = probe.kind === "snapshot" ? "" : probe.name;
      return { body: "probeRequest", probeRequest: { requestId, kind: probe.kind, name, timeoutMs } };
    }
  }
}

/** Throws ProtocolError. */
export function toAgentFromWire(message: WireToAgent): ToAgent {
  switch (message.body) {
    case "welcome": {
      const { epoch, controllerVersion, now, reportIntervalMs, auditHead } = message.welcome;
      const head = auditHead === "" ? {} : { auditHead };
      return { kind: "welcome", epoch, controllerVersion, now, reportIntervalMs, ...head };
    }
    case "reportAck":
      return { kind: "report-ack", digest: message.reportAck.digest, sendBody: message.reportAck.sendBody };
    case "scanRequest":
      return { kind: "scan", requestId: message.scanRequest.requestId };
    case "permit":
      return { kind: "permit", permit: permitFromWire(message.permit) };
    case "permitAck":
      return { kind: "permit-ack", permitId: message.permitAck.permitId };
    case "probeRequest": {
      const { requestId, kind, name, timeoutMs } = message.probeRequest;
      const known = oneOf(["unit", "check", "units", "snapshot"], kind, "kind of a probe");
      return {
        kind: "probe",
        requestId,
        probe: known === "snapshot" ? { kind: known } : { kind: known, name },
        timeoutMs,
      };
    }
    default: // the oneof is open on the wire: a newer peer may send an arm that this one does not know
      throw new ProtocolError("the controller sent a message of an unknown kind");
  }
}

export function fromAgentToWire(message: FromAgent): WireFromAgent {
  switch (message.kind) {
    case "hello": {
      const { agentVersion, bootId, epoch, instanceId = "" } = message;
      const permits = message.permits.map(updateToWire);
      return { body: "hello", hello: { agentVersion, bootId, epoch, permits, instanceId } };
    }
    case "report": {
      const { requestId, reason } = message;
      const report = reportToWire(message.report);
      return { body: "report", report: { report, requestId, reason: reasonToWire(reason) } };
    }
    case "permit-update":
      return { body: "permitUpdate", permitUpdate: updateToWire(message.update) };
    case "scan-failed":
      return { body: "scanFailed", scanFailed: { requestId: message.requestId, why: message.why } };
    case "probe-result": {
      const { why, failedUnits, ports } = message.answer;
      const { requestId } = message;
      return {
        body: "probeResult",
        probeResult: {
          requestId,
          why: why ?? "",
          failedUnits: [...failedUnits],
          ports: [...ports],
          units: message.answer.units.map(({ name, why: not }) => ({ name, why: not ?? "" })),
        },
      };
    }
  }
}

/** Throws ProtocolError. */
export function fromAgentFromWire(message: WireFromAgent): FromAgent {
  switch (message.body) {
    case "hello": {
      const { agentVersion, bootId, epoch, permits, instanceId } = message.hello;
      const instance = instanceId === "" ? {} : { instanceId };
      return { kind: "hello", agentVersion, bootId, epoch, permits: permits.map(updateFromWire), ...instance };
    }
    case "report": {
      const { report, requestId } = message.report;
      if (!report) throw new ProtocolError("a report without content");
      const reason = REASONS.find((known) => reasonToWire(known) === message.report.reason);
      return { kind: "report", report: reportFromWire(report), requestId, ...(reason ? { reason } : {}) };
    }
    case "permitUpdate":
      return { kind: "permit-update", update: updateFromWire(message.permitUpdate) };
    case "scanFailed":
      return { kind: "scan-failed", requestId: message.scanFailed.requestId, why: message.scanFailed.why };
    case "probeResult": {
      const { requestId, why, failedUnits, ports } = message.probeResult;
      const units = message.probeResult.units.map((unit) => ({
        name: unit.name,
        why: unit.why === "" ? null : unit.why,
      }));
      return { kind: "probe-result", requestId, answer: { why: why === "" ? null : why, failedUnits, ports, units } };
    }
    default: // the oneof is open on the wire: a newer peer may send an arm that this one does not know
      throw new ProtocolError("the agent sent a message of an unknown kind");
  }
}

const REASONS = ["boot", "schedule", "package-change", "request", "after-apply"] as const;

function reasonToWire(reason: ReportReason | undefined): pb.v1.ReportReason {
  switch (reason) {
    case undefined:
      return pb.v1.ReportReason.REPORT_REASON_UNSPECIFIED;
    case "boot":
      return pb.v1.ReportReason.REPORT_REASON_BOOT;
    case "schedule":
      return pb.v1.ReportReason.REPORT_REASON_SCHEDULE;
    case "package-change":
      return pb.v1.ReportReason.REPORT_REASON_PACKAGE_CHANGE;
    case "request":
      return pb.v1.ReportReason.REPORT_REASON_REQUEST;
    case "after-apply":
      return pb.v1.ReportReason.REPORT_REASON_AFTER_APPLY;
  }
}

function permitFromWire(permit: pb.v1.Permit): Permit {
  const { permitId, rolloutId, hostId, bootId, epoch, planDigest } = permit;
  const { beginWithinMs, deadlineMs, graceMs, settleMs, allowNew } = permit;
  const steps = permit.steps.map(({ kind, target }) => ({ kind, target }));
  const durations = { beginWithinMs, deadlineMs, graceMs, settleMs };
  const reboot = rebootOf(permit);
  const left = permit.leave.map(({ kind, target }) => ({ kind, target }));
  const leave = left.length > 0 ? { leave: left } : {};
  const ordered = permit.ordered ? { isOrdered: true } : {};
  return {
    permitId,
    rolloutId,
    hostId,
    bootId,
    epoch,
    planDigest,
    steps,
    ...durations,
    allowNew,
    reboot,
    ...leave,
    ...ordered,
  };
}

function rebootOf({ reboot }: pb.v1.Permit): Permit["reboot"] {
  try {
    return rebootFromWire(reboot);
  } catch (error) {
    if (!(error instanceof RebootOrderError)) throw error;
    throw new ProtocolError(`a permit with ${error.message}`, { cause: error });
  }
}

function updateToWire(update: PermitUpdate): WireUpdate {
  const steps = update.steps.map(stepToWire);
  const state = pb.v1.PermitState[STATE_TO_WIRE[update.state]];
  if (update.state !== "finished") return { permitId: update.permitId, state, steps };
  const { result, code, message, proof } = update.outcome;
  const residue = [...update.outcome.residue];
  const outcome = { result, code, message, residue, proof: proof ? reportToWire(proof) : null };
  return { permitId: update.permitId, state, steps, outcome };
}

const STATE_TO_WIRE = {
  acting: "PERMIT_STATE_ACTING",
  returning: "PERMIT_STATE_RETURNING",
  settling: "PERMIT_STATE_SETTLING",
  verifying: "PERMIT_STATE_VERIFYING",
  finished: "PERMIT_STATE_FINISHED",
} as const;

function updateFromWire(update: WireUpdate): PermitUpdate {
  const { permitId } = update;
  const steps = update.steps.map(stepFromWire);
  switch (update.state) {
    case pb.v1.PermitState.PERMIT_STATE_ACTING:
      return { permitId, state: "acting", steps };
    case pb.v1.PermitState.PERMIT_STATE_RETURNING:
      return { permitId, state: "returning", steps };
    case pb.v1.PermitState.PERMIT_STATE_SETTLING:
      return { permitId, state: "settling", steps };
    case pb.v1.PermitState.PERMIT_STATE_VERIFYING:
      return { permitId, state: "verifying", steps };
    case pb.v1.PermitState.PERMIT_STATE_FINISHED:
      return { permitId, state: "finished", steps, outcome: outcomeFromWire(update.outcome) };
    default: // an open enum on the wire: a newer peer may send values that the types do not list
      throw new ProtocolError(`permit ${permitId}: unknown state ${update.state}`);
  }
}

function outcomeFromWire(outcome: pb.v1.PermitOutcome | null | undefined): PermitOutcome {
  if (!outcome) throw new ProtocolError("a finished permit without outcome");
  const { code, message, residue, proof } = outcome;
  const result = oneOf(["verified", "failed", "refused", "stale"], outcome.result, "result of a permit");
  return { result, code, message, residue: [...residue], proof: proof ? reportFromWire(proof) : null };
}

function stepFromWire(step: pb.v1.StepResult): StepResult {
  const { kind, target, evidence, startedAt, elapsedMs, journal } = step;
  const outcome = oneOf(["done", "failed", "vetoed", "skipped"], step.outcome, "outcome of a step");
  const log = journal.length > 0 ? { journal: [...journal] } : {};
  return { kind, target, outcome, evidence, startedAt, elapsedMs, ...log };
}

/** The controller sends steps on to operators as they are. */
export function stepToWire(step: StepResult) {
  return { ...step, journal: [...(step.journal ?? [])] };
}

function oneOf<T extends string>(allowed: readonly T[], value: string, what: string): T {
  const known = allowed.find((a) => a === value);
  if (known === undefined) throw new ProtocolError(`unknown ${what}: ${JSON.stringify(value)}`);
  return known;
}
