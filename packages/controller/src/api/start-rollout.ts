import { randomBytes } from "node:crypto";
import { keyText } from "@afterpatch/config/mistake";
import { lineIn } from "@afterpatch/config/rollout";
import type { KeyPath } from "@afterpatch/core/file-reader";
import { isScoped } from "@afterpatch/core/fleet/scope";
import { isFilter } from "@afterpatch/core/plan/filter";
import type { OrderedAs, RolloutView } from "@afterpatch/core/rollout/types";
import type { Handlers } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Clock } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import { freeze, timingOf } from "../rollouts/freeze.ts";
import {
  type ComingBack,
  type FleetOrder,
  type FleetPlan,
  type FleetPlanned,
  type PlanFleetDeps,
  planFleet,
} from "../rollouts/plan-fleet.ts";
import type { ShownPlans } from "../rollouts/shown-plans.ts";
import { type Ordered, orderedBy } from "./again.ts";
import type { Operators } from "../store/operators.ts";
import { refuseEmptyFleet, refused, refuseSelection, refusing } from "./refuse.ts";

export interface StartDeps extends PlanFleetDeps {
  readonly engine: RolloutEngine;
  readonly clock: Clock;
  readonly shown: ShownPlans;
  readonly operators: Pick<Operators, "byName">;
}

/** Rejects where the operator may not begin a rollout any more: planning takes minutes, and a revocation holds at once. */
export type StillMay = () => Promise<void>;

type StartRequest = Parameters<Handlers<typeof controlService>["startRollout"]>[0]["request"];

/** Plans anew, holds the plan against the one that the operator saw, and begins. A repeated request begins nothing. */
export async function startRollout(
  deps: StartDeps,
  request: StartRequest,
  actor: string,
  stillMay: StillMay,
): Promise<RolloutView> {
  if (request.requestId === "") throw refused("bad-argument", "a rollout needs a request id");
  const known = await deps.engine.byRequest(request.requestId);
  if (known) return known;
  const ordered = await orderedBy(deps.engine, request);
  const { spec, reboot, again } = ordered;
  const reason = request.reason.trim() === "" ? (again?.reason ?? spec?.reason ?? "") : request.reason;
  if (reason.trim() === "") throw refused("bad-argument", "a rollout needs a reason");
  if (reason.length > 1000) throw refused("bad-argument", "a reason has at most 1000 characters");
  if (request.name.length > 200) throw refused("bad-argument", "a name has at most 200 characters");
  if (spec !== null && request.maxFail > 0) throw refused("bad-argument", FAILURES_TWICE);
  const { plan: fleet, selected } = await planOrRefuse(deps, ordered.fleet);
  if (request.maxHosts > 0 && selected > request.maxHosts) {
    throw refused("too-many-hosts", `${selected} hosts are selected, at most ${request.maxHosts} are allowed`);
  }
  const { maxHosts: ceiling = null } = (await deps.operators.byName(actor)) ?? {};
  if (ceiling !== null && selected > ceiling) {
    const why = `${selected} hosts are selected, and ${actor} may begin rollouts of ${ceiling} at most`;
    throw refused("too-many-hosts", why);
  }
  if (request.expectedDigest !== "" && !deps.shown.covers(request.expectedDigest, fleet)) {
    throw refused("stale-plan", "the fleet has changed since the plan was shown; plan again");
  }
  const allowNew = request.allowNew || (again?.allowNew ?? spec?.actions.allowNew ?? false);
  if (allowNew && isFilter(ordered.fleet.filter)) throw refused("bad-argument", NEW_AND_FILTER);
  const createdAt = deps.clock.now();
  const order = {
    ...{ id: rolloutId(createdAt), reason, actor, createdAt, reboot, pattern: ordered.fleet.pattern },
    name: request.name || (again?.name ?? spec?.name ?? reason),
    maxFail: again?.maxFail ?? spec?.stop.maxFailures ?? request.maxFail,
    order: again?.order ?? orderedAs(request, ordered.fleet),
    allowNew,
    ...(spec && spec.webhooks.length > 0 ? { webhooks: spec.webhooks } : {}),
  };
  await stillMay();
  return refusing(() => deps.engine.start(freeze(fleet, order, timingOf(spec)), request.requestId, request.queue));
}

function orderedAs({ serial, rolloutFile }: StartRequest, { filter, scope }: Ordered["fleet"]): OrderedAs {
  return { serial, rolloutFile, filter, ...(isScoped(scope) ? { scope } : {}) };
}

const FAILURES_TWICE = "max-fail: the file says it (stop.maxFailures); leave one of the two out";
const NEW_AND_FILTER =
  "allow-new does not go with a filter, which what is new was not held against; leave one of the two out";

/** The fleet's plan of now, with the number of hosts that the pattern selects. */
export async function planOrRefuse(
  deps: PlanFleetDeps,
  order: FleetOrder,
): Promise<{ plan: FleetPlan; selected: number; comingBack: ComingBack | null; fleetHosts: number }> {
  const planned = await planFleet(deps, order);
  if (planned.kind === "planned") return planned;
  if (planned.kind === "bad-serial") throw refused("bad-argument", `serial: ${planned.why}`);
  if (planned.kind === "nothing-filtered") throw refused("selection-empty", `filter: ${planned.why}`);
  if (planned.kind === "empty" && !order.scope?.inventory && (await deps.hosts.list()).length === 0) refuseEmptyFleet();
  if (planned.kind === "bad-shape") refuseShape(planned.shaped, order);
  return refuseSelection(order.pattern, planned, order.isPatternOfFile ? placeIn(order, ["select"]) : "");
}

function refuseShape(shaped: Extract<FleetPlanned, { kind: "bad-shape" }>["shaped"], order: FleetOrder): never {
  if (shaped.kind === "nothing") return refuseSelection(shaped.pattern, shaped.why, placeIn(order, shaped.path));
  throw refused("bad-argument", `${placeIn(order, shaped.path)}${shaped.why}`);
}

/** `rollout file:4: waves[0].select: ` */
function placeIn({ file = "" }: FleetOrder, path: KeyPath): string {
  const line = path.length === 0 || file === "" ? "" : `:${lineIn(file, path)}: ${keyText(path)}`;
  return `rollout file${line}: `;
}

/** `20261122-190312-9f3a2c1b`: people type it. */
function rolloutId(now: number): string {
  const [day = "", time = ""] = new Date(now).toISOString().split("T");
  return `${day.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${randomBytes(4).toString("hex")}`;
}
