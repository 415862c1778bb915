import type { RolloutPlan, RolloutShape, StepRef } from "@afterpatch/core/rollout/types";
import type { FleetPlan } from "./plan-fleet.ts";

/** So many plans are remembered; a rollout is started minutes after its plan was shown. */
const MOST = 20;

/** Fleet plans that operators were shown lately, by digest. In memory: after a restart only the very same plan fits. */
export class ShownPlans {
  /** The oldest first. */
  readonly #byDigest = new Map<
    string,
    Pick<FleetPlan, "ramp" | "reboot" | "shape"> & { readonly work: ReadonlySet<string> }
  >();

  add(plan: FleetPlan): void {
    this.#byDigest.delete(plan.digest);
    this.#byDigest.set(plan.digest, { ...plan, work: new Set(workOf(plan)) });
    const [oldest] = this.#byDigest.keys();
    if (this.#byDigest.size > MOST && oldest !== undefined) this.#byDigest.delete(oldest);
  }

  /**
   * Does `fresh` ask for nothing beyond the plan that was shown with this digest? What vanished since is fine; a host, a
   * step or a batch size that was not shown is not, and neither is another word on reboots: the same steps would mean more.
   */
  covers(digest: string, fresh: FleetPlan): boolean {
    if (digest === fresh.digest) return true;
    const shown = this.#byDigest.get(digest);
    if (shown === undefined || JSON.stringify(inOrder(shown.reboot)) !== JSON.stringify(inOrder(fresh.reboot)))
      return false;
    // Waves and budgets as they were: with fewer hosts their sizes would be others.
    if (JSON.stringify(shown.shape) !== JSON.stringify(fresh.shape)) return false;
    return workOf(fresh).every((one) => shown.work.has(one)) && isWithin(fresh.ramp, shown.ramp);
  }
}

function inOrder({ mode, method, sessionsFirst, message, delayMs, withinMs, settleMs }: FleetPlan["reboot"]) {
  return [mode, method, sessionsFirst, message, delayMs, withinMs, settleMs];
}

/** What a fleet plan has beyond the plan of a rollout, for people: a step, a host, a larger batch of a wave. */
export function newIn(plan: Pick<RolloutPlan, "hosts" | "ramp" | "shape">, fresh: FleetPlan): readonly string[] {
  const shown = new Set(plan.hosts.flatMap(({ hostId, steps }) => steps.map((step) => keyOf(hostId, step))));
  const steps = fresh.hosts.flatMap(({ host, plan: { steps } }) =>
    steps.flatMap(({ remedy }) =>
      shown.has(keyOf(host.id, remedy)) ? [] : [`${remedy.kind} ${remedy.target} on ${host.name}`],
    ),
  );
  const sizes = (shape: RolloutShape | null | undefined, ramp: readonly number[]) =>
    shape ? shape.waves.map((wave) => [wave.name, wave.ramp] as const) : [["all", ramp] as const];
  const before = new Map(sizes(plan.shape, plan.ramp));
  const larger = sizes(fresh.shape, fresh.ramp).filter(([name, ramp]) => !isWithin(ramp, before.get(name) ?? []));
  return [...steps, ...larger.map(([name]) => `larger batches of wave ${name}`)];
}

function keyOf(hostId: string, { kind, target }: StepRef): string {
  return JSON.stringify([hostId, kind, target]);
}

function workOf({ hosts }: FleetPlan): readonly string[] {
  return hosts.flatMap(({ host, plan }) => plan.steps.map(({ remedy }) => keyOf(host.id, remedy)));
}

/** No batch is larger than the one in its place; the last entries repeat. A percentage of fewer hosts is smaller. */
function isWithin(ramp: readonly number[], shown: readonly number[]): boolean {
  const at = (sizes: readonly number[], i: number): number => sizes[i] ?? sizes.at(-1) ?? 0;
  return Array.from({ length: Math.max(ramp.length, shown.length) }, (_, i) => at(ramp, i) <= at(shown, i)).every(
    Boolean,
  );
}
