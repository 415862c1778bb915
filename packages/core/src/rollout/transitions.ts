import type { HostState, RolloutState } from "./types.ts";

/** What may follow each state of a host in a rollout. ARCHITECTURE.md draws the same edges. */
const HOST_FOLLOWS: { readonly [S in HostState]: readonly HostState[] } = {
  // A host that is out of service is put back where nothing is done to it for now.
  pending: [
    "draining",
    "undraining",
    "permitted",
    "vetoed",
    "skipped",
    "unreachable",
    "done",
    "done-with-residue",
    "written-off",
  ],
  vetoed: ["pending", "undraining", "skipped", "written-off"],
  // Back to pending: the permit is void, nothing was done, also where that is known only after the host had begun to
  // look. Progress may be seen late, so states may be passed over.
  // Vetoed is one whose own rules held everything off.
  permitted: [
    "pending",
    "vetoed",
    "acting",
    "returning",
    "settling",
    "verifying",
    "done",
    "done-with-residue",
    "failed",
    "unreachable",
  ],
  // Looked at, drained, ready: three phases of one state. Not wanted after all, it is put back into service.
  draining: ["draining", "permitted", "undraining", "pending", "vetoed", "skipped", "failed"],
  acting: [
    "pending",
    "vetoed",
    "acting",
    "returning",
    "settling",
    "verifying",
    "done",
    "done-with-residue",
    "failed",
    "unreachable",
  ],
  // Its reboot was ordered: the permit was begun. Cancelled on the host meanwhile, it is vetoed.
  returning: ["vetoed", "returning", "settling", "verifying", "done", "done-with-residue", "failed", "unreachable"],
  settling: ["pending", "vetoed", "settling", "verifying", "done", "done-with-residue", "failed", "unreachable"],
  // The controller's own checks are of this state as well.
  verifying: ["pending", "vetoed", "verifying", "undraining", "done", "done-with-residue", "failed", "unreachable"],
  undraining: ["pending", "vetoed", "skipped", "done", "done-with-residue", "failed"],
  // A host that comes back while the rollout is open goes on where it stands.
  unreachable: [
    "pending",
    "vetoed",
    "acting",
    "returning",
    "settling",
    "verifying",
    "done",
    "done-with-residue",
    "failed",
    "skipped",
    "written-off",
  ],
  done: [],
  "done-with-residue": [],
  failed: ["written-off"],
  skipped: [],
  "written-off": [],
};

const ROLLOUT_FOLLOWS: { readonly [S in RolloutState]: readonly RolloutState[] } = {
  planned: ["running", "aborted"],
  running: ["paused", "waiting-approval", "waiting-window", "stopping", "halted", "aborted", "finished"],
  paused: ["running", "stopping", "aborted"],
  "waiting-approval": ["running", "paused", "stopping", "aborted"],
  "waiting-window": ["running", "paused", "stopping", "aborted"],
  stopping: ["halted", "aborted"],
  halted: [],
  aborted: [],
  finished: [],
};

export function canHostFollow(from: HostState, to: HostState): boolean {
  return HOST_FOLLOWS[from].includes(to);
}

export function canRolloutFollow(from: RolloutState, to: RolloutState): boolean {
  return ROLLOUT_FOLLOWS[from].includes(to);
}

/** In our hands: permitted and not yet ended. */
export function isInFlight(state: HostState): boolean {
  switch (state) {
    case "permitted":
    case "draining":
    case "acting":
    case "returning":
    case "settling":
    case "verifying":
    case "undraining":
      return true;
    case "pending":
    case "vetoed":
    case "done":
    case "done-with-residue":
    case "failed":
    case "skipped":
    case "unreachable":
    case "written-off":
      return false;
  }
}

/** Nothing more will happen to the host in this rollout unless it comes back by itself. */
export function isAtRest(state: HostState): boolean {
  return !isInFlight(state) && state !== "pending" && state !== "vetoed";
}

/** Nothing follows: the rollout has ended. */
export function isClosed(state: RolloutState): boolean {
  return ROLLOUT_FOLLOWS[state].length === 0;
}
