import { restartRule } from "../plan/never.ts";
import { unitMatcher } from "./narrow.ts";
import type { Policy } from "./types.ts";

/**
 * Why a unit is not restarted though a person ordered it over the fleet, or null: what is built in, and what the agent's file
 * leaves to people on the host. `along`: units that its restart would restart, too.
 */
export function keptFromOrder({ verbs, units }: Policy, unit: string, along: readonly string[]): string | null {
  if (!verbs.includes("restart-service")) return "the agent's file leaves restart-service to a person (verbs)";
  for (const name of [unit, ...along]) {
    const which = name === unit ? name : `${name}, which is restarted with ${unit},`;
    const rule = restartRule(name);
    if (rule) return `${which} is kept: ${rule.why}`;
    const never = units.protected.find((glob) => unitMatcher(glob)(name));
    if (never !== undefined) return `the agent's file protects ${which} (units.protected: ${never})`;
    const ask = units.ask.find((glob) => unitMatcher(glob)(name));
    if (ask !== undefined) return `the agent's file leaves ${which} to a person on the host (units.ask: ${ask})`;
  }
  return null;
}
