import { planDigest } from "@afterpatch/core/plan/digest";
import { planOf, type RebootChoice } from "@afterpatch/core/plan/plan";
import { DEFAULT_REBOOT } from "@afterpatch/core/plan/reboot";
import type { Plan } from "@afterpatch/core/plan/types";
import type { Scan } from "@afterpatch/core/scan";
import { sha256 } from "../host/scan.ts";
import { residueLine } from "./owners.ts";
import { plural } from "./words.ts";

/** The document `afterpatch.plan/v1`. */
export interface PlanDocument extends Plan {
  readonly schema: "afterpatch.plan/v1";
  readonly host: { readonly id: string | null; readonly name: string; readonly bootId: string };
  /** Covers kinds and targets of the steps. */
  readonly digest: string;
  /** Processes that could not be read: nothing is planned for them and nothing is known. */
  readonly unreadable: Scan["unreadable"];
}

export function planDocument(scan: Scan, choice: RebootChoice = DEFAULT_REBOOT): PlanDocument {
  const { steps, residue } = planOf(scan, [], choice);
  const { id, name, bootId } = scan.host;
  return {
    schema: "afterpatch.plan/v1",
    host: { id, name, bootId },
    digest: planDigest(
      steps.map(({ remedy }) => remedy),
      sha256,
    ),
    steps,
    residue,
    unreadable: scan.unreadable,
  };
}

/** A plan for a person. `choice`: as it was made, for the command that carries it out. */
export function renderPlan(
  { host, steps, residue, unreadable }: PlanDocument,
  scan: Scan,
  choice: RebootChoice = DEFAULT_REBOOT,
): string {
  const isClean = scan.findings.length === 0 && unreadable.length === 0;
  const nothing = isClean ? "nothing to do, nothing runs old code" : "nothing to do automatically";
  const hint = steps.some(({ remedy }) => remedy.kind === "reboot") ? ", with '--reboot never' those without it" : "";
  const options = [
    choice.mode === DEFAULT_REBOOT.mode ? "" : ` --reboot ${choice.mode}`,
    choice.sessionsFirst ? " --sessions-first" : "",
  ].join("");
  const parts = [
    `${host.name}: ${steps.length === 0 ? nothing : plural(steps.length, "step", "steps")}`,
    steps
      .map(({ remedy, because }, index) => `${index + 1}. ${remedy.kind} ${remedy.target}\n   ${because}`)
      .join("\n"),
    residue.length === 0
      ? ""
      : ["Left over, for a person:", ...residue.map((entry) => residueLine(entry, scan.findings))].join("\n"),
    unreadable.length === 0
      ? ""
      : `Not readable, so not known: ${plural(unreadable.length, "process", "processes")}; 'afterpatch-agent scan' says why.`,
    steps.length === 0
      ? ""
      : `Next: 'sudo afterpatch-agent apply${options}' takes these steps${hint}. Nothing was done yet; '-o json' says for each step why nothing smaller suffices.`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
