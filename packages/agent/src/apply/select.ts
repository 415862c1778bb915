import type { Plan, Step } from "@afterpatch/core/plan/types";
import type { RemedyKind } from "@afterpatch/core/scan";
import { isPerformed } from "./course.ts";

/** What a person asked for; empty lists ask for everything. */
export interface Selection {
  readonly only: readonly RemedyKind[];
  readonly units: readonly string[];
  readonly services: readonly string[];
}

/** Splits a plan into what is to be carried out and what is deliberately left. */
export function select(
  plan: Plan,
  { only, units, services }: Selection,
): { chosen: readonly Step[]; left: readonly Step[] } {
  const isNamed = units.length > 0 || services.length > 0;
  const chosen = plan.steps.filter(({ remedy: { kind, target } }) => {
    if (!isPerformed({ kind, target })) return false;
    if (only.length > 0 && !only.includes(kind)) return false;
    if (!isNamed) return true;
    return (kind === "end-session" ? services : units).includes(target);
  });
  return { chosen, left: plan.steps.filter((step) => !chosen.includes(step)) };
}

/** `ssh` and `ssh.service` name the same unit, as for systemctl. */
export function unitName(name: string): string {
  return name.endsWith(".service") ? name : `${name}.service`;
}
