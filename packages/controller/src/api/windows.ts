import { expectedMs, FIRST_GUESS_MS } from "@afterpatch/core/rollout/expected";
import type { Hours } from "@afterpatch/core/rollout/hours";
import { openingsOf } from "@afterpatch/core/rollout/openings";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Fleet } from "../fleet/fleet.ts";
import type { Clock } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import { holdToWire } from "./holds.ts";
import { specOrRefuse } from "./order.ts";
import { refused, refusing } from "./refuse.ts";

export interface WindowApiDeps {
  readonly fleet: Fleet;
  readonly engine: RolloutEngine;
  readonly clock: Clock;
}

type Control = Handlers<typeof controlService>;
export type WindowCalls = "nextWindows";
type Request = Parameters<Control["nextWindows"]>[0]["request"];

/** When hosts may begin. */
export function windowHandlers(deps: WindowApiDeps): Pick<Control, WindowCalls> {
  return {
    nextWindows: unary(({ rolloutId, rolloutFile, count }) => nextWindows(deps, { rolloutId, rolloutFile, count })),
  };
}

const USUAL_COUNT = 5;
const MOST = 100;
const IN_A_PLAN = 3;
const ALWAYS: Hours = { windows: [], freeze: [] };

/** By the controller's clock, which is the one that decides. */
export async function nextWindows(
  { fleet, engine, clock }: WindowApiDeps,
  request: Pick<Request, "rolloutId" | "rolloutFile" | "count">,
) {
  const { rolloutId, rolloutFile, count } = request;
  if (rolloutId !== "" && rolloutFile !== "") throw refused("bad-argument", "name a rollout or a file, not both");
  const now = clock.now();
  const { freeze } = fleet.holds();
  const wanted = rolloutFile === "" ? await hoursOfRollouts(engine, rolloutId) : [hoursOfFile(rolloutFile)];
  const most = Math.min(count || USUAL_COUNT, MOST);
  const hours = wanted.map((one) => hoursToWire(one, now, most));
  return { now, hours, fleetFreeze: freeze && holdToWire(freeze) };
}

/** What a plan says of the hours of its file, and of the fleet's freeze. */
export function hoursOfPlan({ fleet, clock }: Omit<WindowApiDeps, "engine">, hours: Hours | null) {
  const { freeze } = fleet.holds();
  const about = { rolloutId: "", name: "", hostMs: FIRST_GUESS_MS };
  const told = hours === null ? null : hoursToWire({ ...about, hours }, clock.now(), IN_A_PLAN);
  return { hours: told, fleetFreeze: freeze && holdToWire(freeze) };
}

interface Wanted {
  readonly rolloutId: string;
  readonly name: string;
  /** How long a host is expected to take. */
  readonly hostMs: number;
  readonly hours: Hours;
}

function hoursToWire({ hours, hostMs, ...about }: Wanted, now: number, count: number) {
  const { closed, openUntil, next } = openingsOf(hours, now, hostMs, count);
  const openings = next.map(({ lastStart, cutBy, ...one }) => ({
    ...{ ...one, lastStart: lastStart ?? 0, cutBy: cutBy.map((cut) => ({ ...cut })) },
  }));
  const freezes = hours.freeze.filter(({ until }) => until > now).map((freeze) => ({ ...freeze }));
  const state = { closed: closed ?? "", openUntil: openUntil ?? 0, isAlways: hours.windows.length === 0 };
  return { ...about, ...state, next: openings, freezes };
}

async function hoursOfRollouts(engine: RolloutEngine, rolloutId: string): Promise<readonly Wanted[]> {
  const views = rolloutId === "" ? engine.open() : [await refusing(() => engine.view(rolloutId))];
  return views.map((view: RolloutView) => ({
    ...{ rolloutId: view.plan.id, name: view.plan.name, hostMs: expectedMs(view) },
    hours: view.plan.shape?.hours ?? ALWAYS,
  }));
}

function hoursOfFile(text: string): Wanted {
  const { name, windows, freeze } = specOrRefuse(text);
  return { rolloutId: "", name: name ?? "", hostMs: FIRST_GUESS_MS, hours: { windows, freeze } };
}
