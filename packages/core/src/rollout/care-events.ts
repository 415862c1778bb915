import { careOf } from "./care.ts";
import { type Followed, hostOf, toHost, withPermit } from "./host-change.ts";
import type { CareEvent } from "./event.ts";
import type { RolloutView } from "./types.ts";

/** The rollout after one more of these, or why it cannot follow. */
export function cared(view: RolloutView, event: CareEvent): Followed {
  const host = hostOf(view, event);
  if (!host) return { kind: "refused", why: `host ${event.hostId} is not in this rollout` };
  const { care } = host;
  const refused = (): Followed => ({ kind: "refused", why: `${host.name}: ${event.type} cannot follow ${care.phase}` });
  switch (event.type) {
    case "taken": {
      if (care.phase !== null || view.state !== "running") return refused();
      const { phase } = event;
      const isDrained = care.isDrained || phase === "draining";
      return toHost(view, event, "draining", { reason: "", care: { ...care, phase, isDrained } });
    }
    case "drain-begun":
      if (care.phase !== "checking") return refused();
      return toHost(view, event, "draining", {
        care: { ...care, phase: "draining", isDrained: true, baseline: event.baseline },
      });
    case "ready":
      if (care.phase !== "checking" && care.phase !== "draining") return refused();
      return toHost(view, event, "draining", {
        care: { ...care, phase: "ready", baseline: event.baseline ?? care.baseline },
      });
    case "proved": {
      if (care.phase !== null) return refused();
      const { state, steps, residue } = event;
      const outcome = { state, reason: "", againAt: null, isStop: false };
      return withPermit(view, event, "verifying", {
        reason: "",
        steps,
        residue,
        care: { ...care, phase: "health", outcome },
      });
    }
    case "undrain-begun":
      if (!care.isDrained || care.phase === "undraining" || careOf(view.plan).undrain === null) return refused();
      return toHost(view, event, "undraining", { care: { ...care, phase: "undraining", outcome: event.outcome } });
    case "left": {
      if (care.phase === null) return refused();
      const { outcome, isDrained } = event;
      const { state, reason, againAt } = outcome;
      const stops = outcome.isStop ? `${host.name}: ${reason}` : care.stops;
      const comesLast = care.phase === "checking" ? (outcome.comesLast ?? null) : care.comesLast;
      const rest = { ...care, phase: null, outcome: null, stops, isDrained, comesLast };
      // No veto of the host: it may have to wait for others for long, and nobody gives it up for that.
      const heldOff = care.phase === "checking" && state === "vetoed" ? care.heldOff + 1 : care.heldOff;
      return toHost(view, event, state, { reason, againAt, care: { ...rest, heldOff } });
    }
  }
}
