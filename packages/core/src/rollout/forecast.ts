import { FIRST_GUESS_MS } from "./expected.ts";
import { isRebooted, REBOOT_EVERY_MS } from "./reboots.ts";
import type { RolloutHostPlan, RolloutPlan, RolloutTiming, RolloutView } from "./types.ts";
import type { Wave } from "./waves.ts";

/** So many of the last times of a host count: the longest of them is expected. */
const MOST_TIMES = 3;
/** Of a host of which nothing is known, beside the time that its units are watched. */
const GUESS_MS = 30_000;

/** How long one host was in hand, milliseconds from its permit to its rest. */
export interface Measured {
  readonly hostId: string;
  readonly isRebooted: boolean;
  readonly ms: number;
}

/** Of the hosts of one rollout that ended done. */
export function measuredIn({ plan, hosts }: RolloutView): readonly Measured[] {
  const rebooted = new Set(plan.hosts.filter(isRebooted).map(({ hostId }) => hostId));
  return hosts.flatMap(({ hostId, permit, state, changedAt }) => {
    if (permit === null || (state !== "done" && state !== "done-with-residue")) return [];
    // The wall clock may have been stepped in between.
    return changedAt < permit.at ? [] : [{ hostId, isRebooted: rebooted.has(hostId), ms: changedAt - permit.at }];
  });
}

export interface HostForecast {
  readonly hostId: string;
  readonly ms: number;
  /** `measured`: of its own last rollouts; `like`: of other hosts, the one in the middle; `guess`: nothing is known. */
  readonly basis: "measured" | "like" | "guess";
}

export interface Forecast {
  /** Longest first. Hosts with nothing to do are none. */
  readonly hosts: readonly HostForecast[];
  /** `ms`: with its bake. */
  readonly waves: readonly { readonly name: string; readonly ms: number }[];
  /** From its begin to its end; what people, windows, budgets and hosts that hold off take comes on top. */
  readonly totalMs: number;
}

/** What a forecast is made of: a plan before or after it was frozen. */
export interface Forecasted extends Pick<RolloutPlan, "ramp" | "reboot"> {
  readonly hosts: readonly Pick<RolloutHostPlan, "hostId" | "steps">[];
  readonly waves: readonly Pick<Wave, "name" | "hostIds" | "ramp" | "mode" | "after" | "bakeMs">[] | null;
  readonly timing: Pick<RolloutTiming, "settleMs">;
}

/** How long a rollout takes at its ramp. `measured`: of earlier rollouts, newest first. */
export function forecastOf(plan: Forecasted, measured: readonly Measured[]): Forecast {
  const working = plan.hosts.filter(({ steps }) => steps.length > 0);
  const expect = expecting(plan, measured);
  const times = new Map(working.map((host) => [host.hostId, expect(host)]));
  const waves = plan.waves ?? [
    { name: "all", hostIds: [...times.keys()], ramp: plan.ramp, mode: "slide" as const, after: [], bakeMs: 0 },
  ];
  const endsAt = new Map<string, number>();
  const told = waves.map((wave) => {
    const took = wave.hostIds.flatMap((id) => times.get(id)?.ms ?? []);
    const ms = waveMs(took, wave) + wave.bakeMs;
    const from = Math.max(0, ...wave.after.map((name) => endsAt.get(name) ?? 0));
    endsAt.set(wave.name, from + ms);
    return { name: wave.name, ms };
  });
  const reboots = working.filter(isRebooted).length;
  const totalMs = Math.max(0, ...endsAt.values(), (reboots - 1) * REBOOT_EVERY_MS);
  return { hosts: [...times.values()].sort((a, b) => b.ms - a.ms), waves: told, totalMs };
}

function expecting(
  plan: Forecasted,
  measured: readonly Measured[],
): (host: Forecasted["hosts"][number]) => HostForecast {
  const own = Map.groupBy(measured, ({ hostId, isRebooted }) => `${isRebooted} ${hostId}`);
  const sorted = (reboots: boolean) =>
    measured
      .filter((one) => one.isRebooted === reboots)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
  const all = { reboots: sorted(true), others: sorted(false) };
  return (host) => {
    const { hostId } = host;
    const reboots = isRebooted(host);
    const last = own.get(`${reboots} ${hostId}`)?.slice(0, MOST_TIMES) ?? [];
    if (last.length > 0) return { hostId, ms: Math.max(...last.map(({ ms }) => ms)), basis: "measured" };
    const others = reboots ? all.reboots : all.others;
    const middle = others[Math.floor(others.length / 2)];
    if (middle !== undefined) return { hostId, ms: middle, basis: "like" };
    const { delayMs, settleMs } = plan.reboot;
    const ms = reboots ? FIRST_GUESS_MS + delayMs + settleMs : GUESS_MS + plan.timing.settleMs;
    return { hostId, ms, basis: "guess" };
  };
}

/** Entries of a ramp are batches, the last one repeats; within it the next host begins when one has ended, unless `batch`. */
function waveMs(times: readonly number[], { ramp, mode }: Pick<Wave, "ramp" | "mode">): number {
  let total = 0;
  let begun = 0;
  for (let batch = 0; begun < times.length; batch += 1) {
    const size = Math.max(1, ramp[batch] ?? ramp.at(-1) ?? 1);
    const isLast = batch >= ramp.length - 1;
    if (isLast && mode === "slide") return total + slidingMs(times.slice(begun), size);
    total += Math.max(...times.slice(begun, begun + size));
    begun += size;
  }
  return total;
}

function slidingMs(times: readonly number[], size: number): number {
  const free = new Array<number>(Math.min(size, times.length)).fill(0);
  for (const ms of times) {
    const first = free.indexOf(Math.min(...free));
    free[first] = (free[first] ?? 0) + ms;
  }
  return Math.max(0, ...free);
}
