import { planOf, type RebootChoice } from "@afterpatch/core/plan/plan";
import type { Residue, Step } from "@afterpatch/core/plan/types";
import type { StepResult } from "@afterpatch/core/rollout/types";
import type { Owner, Scan } from "@afterpatch/core/scan";
import { visible } from "@afterpatch/core/text";
import { stepKey } from "../journal/operations.ts";
import type { Ending } from "../ports.ts";
import { isOld, ownerName, residueLine } from "../render/owners.ts";
import { plural, rows } from "../render/words.ts";
import type { CarriedOut } from "./carry-out.ts";
import type { LeftOut } from "./left-out.ts";

/** One step of `afterpatch.apply/v1`: as planned, and what came of it. */
export interface AppliedStep extends Step {
  readonly outcome: StepResult["outcome"];
  readonly evidence: string;
  /** Null when it was not begun. */
  readonly startedAt: number | null;
  readonly elapsedMs: number | null;
  /** Of a step that failed: what its target logged last. Absent: nothing. */
  readonly journal?: readonly string[];
}

/** How many processes of one owner ran old code before and after. */
export interface OwnerProof {
  readonly owner: Owner;
  readonly before: number;
  readonly after: number;
}

/** The document `afterpatch.apply/v1`. */
export interface ApplyDocument {
  readonly schema: "afterpatch.apply/v1";
  readonly host: { readonly id: string | null; readonly name: string; readonly bootId: string };
  readonly steps: readonly AppliedStep[];
  readonly ending: Omit<Ending, "residue">;
  /** Null when no scan was made after the last step. */
  readonly proof: {
    readonly findingsLeft: readonly string[];
    readonly residue: readonly Residue[];
    /** Everyone who had or has findings, and how many. */
    readonly owners: readonly OwnerProof[];
  } | null;
  /** What was asked for by name and is in no step, and why. */
  readonly leftOut: readonly LeftOut[];
  /** Orders that an apply before this one had left in the middle, and how they ended now. */
  readonly resumed: readonly { readonly op: string; readonly steps: readonly StepResult[]; readonly ending: Ending }[];
}

export function applyDocument(
  scan: Scan,
  planned: readonly Step[],
  carried: CarriedOut,
  { resumed, leftOut, how }: Pick<ApplyDocument, "resumed" | "leftOut"> & { readonly how: RebootChoice },
): ApplyDocument {
  const { host } = scan;
  const { result, code, message } = carried.ending;
  const results = new Map(carried.steps.map((step) => [stepKey(step), step]));
  const steps = planned.map((step): AppliedStep => {
    const done = results.get(stepKey(step.remedy));
    const { outcome, evidence, startedAt, elapsedMs, journal } = done ?? {
      outcome: "skipped" as const,
      evidence: `not begun: ${message}`,
      startedAt: null,
      elapsedMs: null,
      journal: undefined,
    };
    return { ...step, outcome, evidence, startedAt, elapsedMs, ...(journal ? { journal } : {}) };
  });
  const { proof, findingsLeft } = carried;
  return {
    schema: "afterpatch.apply/v1",
    host: { id: host.id, name: host.name, bootId: host.bootId },
    steps,
    ending: { result, code, message },
    proof: proof ? { findingsLeft, residue: planOf(proof, [], how).residue, owners: ownerProofs(scan, proof) } : null,
    leftOut,
    resumed,
  };
}

function ownerProofs(before: Scan, after: Scan): readonly OwnerProof[] {
  const counts = [before, after].map(({ findings }) =>
    Map.groupBy(findings.filter(isOld), ({ owner }) => JSON.stringify(owner)),
  );
  const groups = new Map(
    counts.flatMap((count) => [...count].flatMap(([key, [first]]) => (first ? [[key, first.owner]] : []))),
  );
  return [...groups].map(([key, owner]) => {
    const [had = 0, has = 0] = counts.map((count) => count.get(key)?.length);
    return { owner, before: had, after: has };
  });
}

/** One line while it happens. */
export function resultLine({ kind, target, outcome, evidence, elapsedMs }: StepResult): string {
  return `${outcome.padEnd(7)}  ${kind} ${visible(target)}: ${evidence} (${(elapsedMs / 1000).toFixed(1)} s)`;
}

/** What is proved, for a person. `after`: the scan that proves it. */
export function renderApply({ host, steps, ending, proof, leftOut }: ApplyDocument, after: Scan | null): string {
  const parts = [
    rows(
      steps.map(({ remedy, outcome, evidence }) => [`  ${outcome}`, remedy.kind, visible(remedy.target), evidence]),
    ).join("\n"),
    ...steps.map(logged),
    leftOutText(leftOut),
    proof === null ? "" : ownersTable(proof.owners),
    proof === null || proof.residue.length === 0
      ? ""
      : ["Left over, for a person:", ...proof.residue.map((entry) => residueLine(entry, after?.findings ?? []))].join(
          "\n",
        ),
    `${host.name}: ${summary(ending, proof)}`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** Why not everything is done that was asked for by name. */
export function leftOutText(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return "";
  return ["Nothing is done about:", ...leftOut.map(({ name, reason }) => `  ${visible(name)}: ${reason}`)].join("\n");
}

function ownersTable(owners: readonly OwnerProof[]): string {
  if (owners.length === 0) return "";
  const cells = owners.map(({ owner, before, after }) => [`  ${visible(ownerName(owner))}`, `${before}`, `${after}`]);
  return ["Processes that ran old code, before and after:", ...rows([["  ", "before", "after"], ...cells])].join("\n");
}

/** The last lines of what failed; the journal of the host has the others. */
function logged({ remedy, journal = [] }: AppliedStep): string {
  if (journal.length === 0) return "";
  return [`${visible(remedy.target)} logged:`, ...journal.map((line) => `  ${visible(line)}`)].join("\n");
}

function summary({ result, message }: ApplyDocument["ending"], proof: ApplyDocument["proof"]): string {
  switch (result) {
    case "verified":
      return "proved: nothing that these steps were for runs old code any more";
    case "failed": {
      const left =
        proof === null ? "not proved" : plural(proof.findingsLeft.length, "finding is left", "findings are left");
      return `failed, ${left}: ${message}`;
    }
    case "refused":
    case "stale":
      return `nothing was done: ${message}`;
  }
}
