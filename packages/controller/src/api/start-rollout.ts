import { randomBytes } from "node:crypto";
import { DEFAULT_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import { visible } from "@afterpatch/core/text";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { RebootOrderError, rebootFromWire } from "@afterpatch/wire/convert/reboot";
import type { Handlers } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Clock } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import { DEFAULT_TIMING, freeze } from "../rollouts/freeze.ts";
import { type ComingBack, type FleetPlan, type PlanFleetDeps, planFleet } from "../rollouts/plan-fleet.ts";
import type { ShownPlans } from "../rollouts/shown-plans.ts";
import { refused, refuseSelection, refusing } from "./refuse.ts";

export interface StartDeps extends PlanFleetDeps {
  readonly engine: RolloutEngine;
  readonly clock: Clock;
  readonly shown: ShownPlans;
}

type StartRequest = Parameters<Handlers<typeof controlService>["startRollout"]>[0]["request"];

/** Plans anew, holds the plan against the one that the operator saw, and begins. A repeated request begins nothing. */
export async function startRollout(deps: StartDeps, request: StartRequest, actor: string): Promise<RolloutView> {
  if (request.reason.trim() === "") throw refused("bad-argument", "a rollout needs a reason");
  if (request.reason.length > 1000) throw refused("bad-argument", "a reason has at most 1000 characters");
  if (request.name.length > 200) throw refused("bad-argument", "a name has at most 200 characters");
  if (request.requestId === "") throw refused("bad-argument", "a rollout needs a request id");
  const known = await deps.engine.byRequest(request.requestId);
  if (known) return known;
  const reboot = rebootOrRefuse(request.reboot);
  const { plan: fleet, selected } = await planOrRefuse(deps, request.pattern, request.serial, reboot);
  if (request.maxHosts > 0 && selected > request.maxHosts) {
    throw refused("too-many-hosts", `${selected} hosts are selected, at most ${request.maxHosts} are allowed`);
  }
  if (request.expectedDigest !== "" && !deps.shown.covers(request.expectedDigest, fleet)) {
    throw refused("stale-plan", "the fleet has changed since the plan was shown; plan again");
  }
  const { pattern, reason, maxFail, allowNew } = request;
  const createdAt = deps.clock.now();
  const name = request.name || reason;
  const order = { id: rolloutId(createdAt), name, reason, actor, createdAt, pattern, maxFail, allowNew, reboot };
  return refusing(() => deps.engine.start(freeze(fleet, order, DEFAULT_TIMING), request.requestId));
}

/** Absent: reboots where they are required. */
export function rebootOrRefuse(reboot: StartRequest["reboot"]): RebootOrder {
  try {
    const order = rebootFromWire(reboot, DEFAULT_REBOOT);
    if (visible(order.message) !== order.message) throw new RebootOrderError("a message has no control characters");
    return order;
  } catch (error) {
    if (!(error instanceof RebootOrderError)) throw error;
    throw refused("bad-argument", `reboot: ${error.message}`);
  }
}

/** The fleet's plan of now, with the number of hosts that the pattern selects. */
export async function planOrRefuse(
  deps: PlanFleetDeps,
  pattern: string,
  serial: string,
  reboot: RebootOrder,
): Promise<{ plan: FleetPlan; selected: number; comingBack: ComingBack | null }> {
  const planned = await planFleet(deps, pattern, serial, reboot);
  if (planned.kind === "planned") return planned;
  if (planned.kind === "bad-serial") throw refused("bad-argument", `serial: ${planned.why}`);
  return refuseSelection(pattern, planned);
}

/** `20261122-190312-9f3a2c1b`: people type it. */
function rolloutId(now: number): string {
  const [day = "", time = ""] = new Date(now).toISOString().split("T");
  return `${day.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${randomBytes(4).toString("hex")}`;
}
