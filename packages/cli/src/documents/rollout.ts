import { EXIT } from "@afterpatch/core/exit";
import { HOST_STATES, type HostState, ROLLOUT_STATES, type RolloutState } from "@afterpatch/core/rollout/types";
import { visible } from "@afterpatch/core/text";
import type { Rollout } from "../connection.ts";
import { CommandError } from "@afterpatch/core/command-error";
import { type PlanDocument, type UncoveredDocument, uncoveredDocuments } from "./plan.ts";

export interface RolloutStepDocument {
  readonly id: string;
  readonly remedy: { readonly kind: string; readonly target: string };
  readonly outcome: string;
  readonly evidence: string;
  readonly startedAt: number | null;
  readonly elapsedMs: number;
  /** Of a step that failed: what its target logged last, oldest first. Absent: nothing. */
  readonly journal?: readonly string[];
}

export interface RolloutHostDocument {
  readonly id: string;
  readonly name: string;
  readonly state: HostState;
  readonly reason: string;
  readonly steps: readonly RolloutStepDocument[];
  readonly residue: readonly string[];
  /** Its reboot waits until about then, and may be cancelled on the host; null: none waits. */
  readonly rebootDueAt: number | null;
  readonly changedAt: number | null;
}

/** `afterpatch.rollout/v1`. */
export interface RolloutDocument {
  readonly schema: "afterpatch.rollout/v1";
  /** Null where there was nothing to do and no rollout was made. */
  readonly id: string | null;
  readonly name: string;
  readonly reason: string;
  readonly state: RolloutState;
  readonly why: string;
  readonly actor: string | null;
  readonly createdAt: number | null;
  /** Null: it has not ended, or was not made. */
  readonly endedAt: number | null;
  readonly digest: string;
  readonly hosts: readonly RolloutHostDocument[];
  readonly uncovered: readonly UncoveredDocument[];
  /** Number of hosts in each state. */
  readonly totals: Readonly<Record<HostState, number>>;
}

export function rolloutDocument(rollout: Rollout): RolloutDocument {
  const hosts = rollout.hosts.map(hostDocument);
  return {
    schema: "afterpatch.rollout/v1",
    id: visible(rollout.id),
    name: visible(rollout.name),
    reason: visible(rollout.reason),
    state: known(ROLLOUT_STATES, rollout.state),
    why: visible(rollout.why),
    actor: visible(rollout.actor),
    createdAt: rollout.createdAt,
    endedAt: rollout.endedAt === 0 ? null : rollout.endedAt,
    digest: visible(rollout.digest),
    hosts,
    uncovered: uncoveredDocuments(rollout.uncovered),
    totals: totalsOf(hosts),
  };
}

/** What `rollout start` answers when the plan has no step: nothing was started. */
export function nothingToDo(plan: PlanDocument, name: string, reason: string): RolloutDocument {
  const hosts = plan.waves
    .flatMap((wave) => wave.hosts)
    .map((host) => {
      const state: HostState = host.residue.length > 0 ? "done-with-residue" : "done";
      return {
        id: host.id,
        name: host.name,
        state,
        reason: "nothing to do",
        steps: [],
        residue: host.residue,
        rebootDueAt: null,
        changedAt: null,
      };
    });
  return {
    schema: "afterpatch.rollout/v1",
    id: null,
    name,
    reason,
    state: "finished",
    why: "nothing to do",
    actor: null,
    createdAt: null,
    endedAt: null,
    digest: plan.digest,
    hosts,
    uncovered: plan.uncovered,
    totals: totalsOf(hosts),
  };
}

function hostDocument(host: Rollout["hosts"][number]): RolloutHostDocument {
  return {
    id: visible(host.hostId),
    name: visible(host.name),
    state: known(HOST_STATES, host.state),
    reason: visible(host.reason),
    steps: host.steps.map(stepDocument),
    residue: host.residue.map(visible),
    rebootDueAt: host.rebootDueAt === 0 ? null : host.rebootDueAt,
    changedAt: host.changedAt === 0 ? null : host.changedAt,
  };
}

/** A step with its outcome. */
export function stepDocument(step: Rollout["hosts"][number]["steps"][number]): RolloutStepDocument {
  return {
    id: visible(`${step.kind}:${step.target}`),
    remedy: { kind: visible(step.kind), target: visible(step.target) },
    outcome: visible(step.outcome),
    evidence: visible(step.evidence),
    startedAt: step.startedAt === 0 ? null : step.startedAt,
    elapsedMs: step.elapsedMs,
    ...(step.journal.length > 0 ? { journal: step.journal.map(visible) } : {}),
  };
}

/** Number of hosts in each state. */
export function totalsOf(hosts: readonly { readonly state: HostState }[]): Readonly<Record<HostState, number>> {
  const totals = Object.fromEntries(HOST_STATES.map((state) => [state, 0])) as Record<HostState, number>; // from every state
  for (const host of hosts) totals[host.state]++;
  return totals;
}

/** A word of state this program knows. Another one comes from a newer controller and is refused, never guessed. */
export function known<T extends string>(words: readonly T[], word: string): T {
  const found = words.find((each) => each === word);
  if (found !== undefined) return found;
  throw new CommandError(
    EXIT.internal,
    "rollout",
    `the controller says '${word}', which this program does not know`,
    "upgrade afterpatch",
  );
}
