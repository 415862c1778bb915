import type { Scan } from "../scan.ts";
import type { FilteredPlan } from "./filter.ts";
import { planOf } from "./plan.ts";
import type { Step } from "./types.ts";

/** A running unit that a person named. */
export interface NamedUnit {
  readonly name: string;
  /** Why its host does not restart it, one sentence without a full stop; null: it does. */
  readonly why: string | null;
}

/**
 * The plan of a host whose units a person wants restarted, old or not. All that the host itself would do is left on purpose,
 * and is no part of it: whoever wants that as well asks for a rollout.
 */
export function orderedPlan(scan: Scan, units: readonly NamedUnit[]): FilteredPlan {
  const own = planOf(scan, [], { mode: "never", sessionsFirst: false });
  const wanted = units.filter(({ why }) => why === null).map(({ name }) => name);
  const steps = wanted.map((name): Step => {
    const remedy = { kind: "restart-service", target: name } as const;
    const known = own.steps.find((step) => step.remedy.kind === remedy.kind && step.remedy.target === name);
    const ordered = "A person ordered it, whether anything of it is old or not.";
    return known
      ? { ...known, because: `${ordered} ${known.because}` }
      : { id: `restart-service:${name}`, remedy, findings: [], because: ordered, insteadOf: [] };
  });
  const residue = units.flatMap(({ name, why }) =>
    why === null ? [] : [{ owner: name, findings: [], reason: `${why}.` }],
  );
  const isOrdered = ({ remedy }: Step) => remedy.kind === "restart-service" && wanted.includes(remedy.target);
  return { plan: { steps, residue }, leave: own.steps.filter((step) => !isOrdered(step)).map(({ remedy }) => remedy) };
}
