import type { RolloutView } from "./types.ts";
import type { Wave } from "./waves.ts";

/** Where a wave stands. */
export interface Stage {
  readonly wave: Wave;
  /**
   * `blocked`: a wave before it has not passed. `open`: its hosts are taken. `baking`: all at rest, and watched. `gated`:
   * somebody has to approve of it. `passed`: those after it may begin.
   */
  readonly state: "blocked" | "open" | "baking" | "gated" | "passed";
  /** Of `baking`: until when. */
  readonly bakeUntil: number | null;
}

/** All waves of a rollout. One without a shape is one wave, by its ramp. */
export function stagesOf(view: RolloutView, now: number): readonly Stage[] {
  const waves = wavesOfPlan(view);
  const passed = new Set<string>();
  return waves.map((wave): Stage => {
    const ended = Object.hasOwn(view.ended, wave.name) ? view.ended[wave.name] : undefined;
    const isFollowed = waves.some((other) => other.hostIds.length > 0 && comesAfter(other, wave.name, waves));
    if (!wave.after.every((name) => passed.has(name))) return { wave, state: "blocked", bakeUntil: null };
    if (!ended) return { wave, state: "open", bakeUntil: null };
    if (now < ended.bakeUntil) return { wave, state: "baking", bakeUntil: ended.bakeUntil };
    if (wave.isApproved && isFollowed && ended.approvedBy === null) return { wave, state: "gated", bakeUntil: null };
    passed.add(wave.name);
    return { wave, state: "passed", bakeUntil: null };
  });
}

/** At once, or after others that do. */
function comesAfter({ after }: Wave, name: string, waves: readonly Wave[]): boolean {
  return after.includes(name) || waves.some((other) => after.includes(other.name) && comesAfter(other, name, waves));
}

/** Nothing of the waves is to come. Where there is no shape, nobody says that the one wave has ended. */
export function hasPassed({ plan }: RolloutView, stages: readonly Stage[]): boolean {
  return !plan.shape || stages.every(({ state }) => state === "passed");
}

function wavesOfPlan({ plan }: RolloutView): readonly Wave[] {
  if (plan.shape) return plan.shape.waves;
  const hostIds = plan.hosts.map(({ hostId }) => hostId);
  return [
    {
      ...{ name: "all", hostIds, ramp: plan.ramp, mode: "slide", after: [] },
      ...{ bakeMs: 0, isApproved: false, leaderLast: null },
    },
  ];
}
