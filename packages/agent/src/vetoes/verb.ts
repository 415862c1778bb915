import type { Policy } from "@afterpatch/core/policy/types";
import type { StepRef } from "@afterpatch/core/rollout/types";
import type { Veto } from "./rules.ts";

/** A reboot needs no finding where a person ordered it, so that no plan leaves it out: the file is asked at its turn. */
export function verbVeto({ verbs }: Policy, step: StepRef | null): Veto | null {
  if (step?.kind !== "reboot" || verbs.some((verb) => verb === "reboot")) return null;
  const message = `the agent's file does not allow reboot (verbs: ${verbs.join(", ") || "none"})`;
  return { code: "denied", message };
}
