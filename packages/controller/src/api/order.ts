import { mistakeLine } from "@afterpatch/config/mistake";
import { parseRollout } from "@afterpatch/config/rollout";
import { DEFAULT_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import { type Filter, NO_FILTER } from "@afterpatch/core/plan/filter";
import type { Scope } from "@afterpatch/core/fleet/scope";
import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import { visible } from "@afterpatch/core/text";
import type { pb } from "@afterpatch/wire/messages";
import { RebootOrderError, rebootFromWire } from "@afterpatch/wire/convert/reboot";
import { FilterError, filterFromWire } from "@afterpatch/wire/convert/filter";
import type { FleetOrder } from "../rollouts/plan-fleet.ts";
import { scopeOrRefuse } from "./asked.ts";
import { refused } from "./refuse.ts";

type Request = Pick<
  ReturnType<typeof pb.v1.PlanFleetRequest.decode>,
  "pattern" | "serial" | "reboot" | "rolloutFile" | "filter" | "scope"
>;

export interface OperatorsOrder {
  readonly fleet: FleetOrder & { readonly filter: Filter; readonly scope: Scope };
  readonly reboot: RebootOrder;
  readonly spec: RolloutSpec | null;
}

/** What a request wants planned. Where it has a file, what flags may say too is the file's where they say nothing. */
export function orderOrRefuse({ pattern, serial, reboot, rolloutFile, filter, scope }: Request): OperatorsOrder {
  const spec = rolloutFile === "" ? null : specOrRefuse(rolloutFile);
  const order = rebootOrRefuse(reboot, spec?.actions.reboot ?? DEFAULT_REBOOT);
  const file = { file: rolloutFile, isPatternOfFile: spec !== null && (pattern === "" || pattern === spec.select) };
  const words = { pattern: pattern === "" ? (spec?.select ?? "") : pattern, serial, reboot: order };
  return {
    spec,
    reboot: order,
    fleet: { ...words, ...file, spec, filter: filterOf(filter, spec), scope: scopeOrRefuse(scope) },
  };
}

/** A list of the request takes the place of the file's. */
function filterOf(wire: Request["filter"], spec: RolloutSpec | null): Filter {
  const { only, packages, libraries, units, kinds, cves, restarts } = filterOrRefuse(wire);
  const { actions } = spec ?? { actions: NO_FILTER };
  const pick = <T>(given: readonly T[], inFile: readonly T[] | null) => (given.length > 0 ? given : (inFile ?? []));
  const others = [only, packages, libraries, units, kinds, cves].some((list) => list.length > 0);
  if (restarts.length > 0 && (others || spec !== null)) {
    throw refused("bad-argument", "filter: units that are restarted in any case go with no other filter and no file");
  }
  return {
    restarts,
    kinds,
    never: actions.never,
    only: pick(only, actions.only),
    packages: pick(packages, actions.packages),
    libraries: pick(libraries, actions.libraries),
    units: pick(units, actions.units),
    cves: pick(cves, actions.cves),
  };
}

function filterOrRefuse(wire: Request["filter"]): Filter {
  try {
    return filterFromWire(wire);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw refused("bad-argument", `filter: ${error.message}`);
  }
}

/** A rollout's file, understood. */
export function specOrRefuse(text: string): RolloutSpec {
  const parsed = parseRollout(text);
  if (parsed.kind === "rollout") return parsed.spec;
  const [first] = parsed.mistakes;
  const more = parsed.mistakes.length > 1 ? ` (and ${parsed.mistakes.length - 1} more)` : "";
  throw refused("bad-argument", `${first ? mistakeLine("rollout file", first) : "rollout file"}${more}`);
}

function rebootOrRefuse(reboot: Request["reboot"], absent: RebootOrder): RebootOrder {
  try {
    const order = rebootFromWire(reboot, absent);
    if (visible(order.message) !== order.message) throw new RebootOrderError("a message has no control characters");
    return order;
  } catch (error) {
    if (!(error instanceof RebootOrderError)) throw error;
    throw refused("bad-argument", `reboot: ${error.message}`);
  }
}
