import { type Decision, next } from "@afterpatch/core/rollout/next";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import {
  acting,
  ended,
  fleetOf,
  permitted,
  type RolloutOrder,
  rolloutPlan,
  rolloutView,
  T0,
  TIMING,
  unreachable,
} from "./rollout.ts";

// Tables of decisions: a rollout over five hosts, what happened in it, and what is done next, as one line.

export const HOUR = 3_600_000;
export const WEB = ["web1", "web2", "web3", "web4", "web5"];
export const END_BY = T0 + TIMING.beginWithinMs + TIMING.deadlineMs;

export function decide(order: RolloutOrder, events: readonly RolloutEvent[], fleet = fleetOf(WEB), now = T0 + 1_000) {
  return next(rolloutView(rolloutPlan({ hosts: WEB, ...order }), ...events), fleet, now);
}

/** As one line: `permit web1, permit web2`. */
export function said(decisions: readonly Decision[]): string {
  return decisions
    .map((d) => ("hostId" in d ? `${d.kind} ${d.hostId}` : d.kind === "close" ? `close ${d.state}` : d.kind))
    .join(", ");
}

export const done = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), ended(host)]);
export const failed = (...hosts: readonly string[]) =>
  hosts.flatMap((host) => [permitted(host), ended(host, "failed")]);
export const lost = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), unreachable(host)]);

export function acted(host: string, state: "acting" | "settling" | "verifying" = "acting"): readonly RolloutEvent[] {
  return [permitted(host), acting(host, state)];
}
