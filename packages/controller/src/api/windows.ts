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
  const hours = wanted.map(({ hours: { windows, freeze: freezes }, hostMs, ...about }) => {
    const { closed, openUntil, next } = openingsOf(
      { windows, freeze: freezes },
      now,
      hostMs,
      Math.min(count || USUAL_COUNT, MOST),
    );
    const openings = next.map((one) => ({
      ...one,
      lastStart: one.lastStart ?? 0,
      cutBy: one.cutBy.map((cut) => ({ ...cut })),
    }));
    return {
      ...about,
      closed: closed ?? "",
      openUntil: openUntil ?? 0,
      next: openings,
      isAlways: windows.length === 0,
    };
  });
  return { now, hours, fleetFreeze: freeze && holdToWire(freeze) };
}

async function hoursOfRollouts(engine: RolloutEngine, rolloutId: string) {
  const views = rolloutId === "" ? engine.open() : [await refusing(() => engine.view(rolloutId))];
  return views.map((view: RolloutView) => ({
    ...{ rolloutId: view.plan.id, name: view.plan.name, hostMs: expectedMs(view) },
    hours: view.plan.shape?.hours ?? ALWAYS,
  }));
}

function hoursOfFile(text: string) {
  const { name, windows, freeze } = specOrRefuse(text);
  return { rolloutId: "", name: name ?? "", hostMs: FIRST_GUESS_MS, hours: { windows, freeze } };
}
