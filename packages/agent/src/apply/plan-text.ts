import { formatDuration } from "@afterpatch/core/duration";
import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { planDigest } from "@afterpatch/core/plan/digest";
import { planOf, type Requested } from "@afterpatch/core/plan/plan";
import type { RebootOrder } from "@afterpatch/core/plan/reboot";
import type { Plan } from "@afterpatch/core/plan/types";
import type { Scan } from "@afterpatch/core/scan";
import { sha256 } from "../host/scan.ts";
import { emit, type Target } from "../output.ts";
import { planDocument, renderPlan } from "../render/plan.ts";
import type { CarriedOut } from "./carry-out.ts";
import { keptNames, type LeftOut, leftOut } from "./left-out.ts";
import { leftOutText } from "./present.ts";
import { type Selection, select } from "./select.ts";

/** What is done on request only is requested by its name. */
export function requested({ units, services }: Selection): readonly Requested[] {
  return [
    ...units.map((target) => ({ kind: "restart-service", target })),
    ...services.map((target) => ({ kind: "end-session", target })),
  ];
}

/** What of a plan is carried out, and what is not. */
export interface Narrowed {
  /** Of everything that was asked for by name, too. */
  readonly plan: Plan;
  readonly chosen: Plan["steps"];
  readonly notDone: readonly LeftOut[];
}

/** The plan of `apply` without the hint to run it. */
export function planText(scan: Scan, { plan, chosen, notDone, how }: Narrowed & { readonly how: RebootOrder }): string {
  const text = renderPlan({ ...planDocument(scan, how), steps: chosen, residue: plan.residue }, scan).replace(
    /\n\nNext: .*\n$/,
    "\n",
  );
  return [text.trimEnd(), leftOutText(notDone)].filter((part) => part !== "").join("\n\n");
}

/** What a person is asked before it is done. */
export function question(chosen: Plan["steps"], { delayMs, method }: RebootOrder): string {
  const steps = `Carry out ${chosen.length === 1 ? "this step" : `these ${chosen.length} steps`}`;
  if (!chosen.some(({ remedy }) => remedy.kind === "reboot")) return `${steps}?`;
  const when = delayMs === 0 ? "now" : `in ${formatDuration(delayMs)}`;
  return `${steps}: ${method === "soft-reboot" ? "restart all services of" : "reboot"} this host ${when}?`;
}

export function nothingToDo(scan: Scan, how: RebootOrder): CarriedOut {
  const residue = [...new Set(planOf(scan, [], how).residue.map(({ owner }) => owner))];
  return { ending: { result: "verified", code: "", message: "", residue }, steps: [], proof: scan, findingsLeft: [] };
}

/** `apply --dry-run`. */
export function showPlan(
  scan: Scan,
  selection: Selection,
  { format, how, ...target }: Target & { readonly format: "table" | "json"; readonly how: RebootOrder },
): ExitCode {
  const plan = planOf(scan, requested(selection), how);
  const { chosen } = select(plan, selection, scan);
  const notDone = leftOut(scan, plan, selection, chosen);
  const digest = planDigest(
    chosen.map((step) => step.remedy),
    sha256,
  );
  const document = { ...planDocument(scan, how), steps: chosen, residue: plan.residue, digest };
  // Of a part of the plan only who typed it knows the command.
  const isWhole = chosen.length === planOf(scan, [], how).steps.length;
  const hint = "Next: the same command without --dry-run takes these steps. Nothing was done yet;";
  const whole = renderPlan(document, scan).trimEnd();
  const shown = isWhole ? whole : whole.replace(/Next: '.* takes these steps.*?\. Nothing was done yet;/, hint);
  const text = [shown, leftOutText(notDone)].filter((part) => part !== "").join("\n\n");
  emit(format === "json" ? `${JSON.stringify({ ...document, leftOut: notDone }, null, 2)}\n` : `${text}\n`, target);
  return keptNames(notDone, selection, chosen).length > 0 ? EXIT.halted : EXIT.ok;
}
