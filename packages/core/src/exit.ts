import type { HostState, RolloutState } from "./rollout/types.ts";

/** Exit codes of `afterpatch` and `afterpatch-controller` (contracts). */
export const EXIT = {
  ok: 0,
  internal: 1,
  failed: 2,
  halted: 3,
  unreachable: 4,
  usage: 5,
  selection: 6,
  paused: 7,
  stale: 8,
  held: 9,
  pending: 10,
  detached: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const PRECEDENCE = [
  EXIT.internal,
  EXIT.usage,
  EXIT.selection,
  EXIT.stale,
  EXIT.held,
  EXIT.halted,
  EXIT.failed,
  EXIT.unreachable,
  EXIT.paused,
  EXIT.pending,
  EXIT.detached,
] as const;

/** The one code to exit with when several apply; 0 when none does. */
export function worst(codes: Iterable<ExitCode>): ExitCode {
  const seen = new Set(codes);
  return PRECEDENCE.find((code) => seen.has(code)) ?? EXIT.ok;
}

/** What the exit code of a rollout depends on: nothing else, so that every client that looks gets the same code. */
export interface RolloutOutcome {
  readonly state: RolloutState;
  readonly hosts: readonly { readonly state: HostState }[];
  /** Hosts that were selected and could not be planned. */
  readonly uncovered: readonly unknown[];
  /** `--fail-on-residue`. */
  readonly failOnResidue: boolean;
}

/** For a rollout that still runs: 10 (work pending), or 7 when it waits for somebody. */
export function rolloutExitCode(rollout: RolloutOutcome): ExitCode {
  const codes: ExitCode[] = [ofState(rollout.state)];
  const hasEnded = FINAL.has(rollout.state);
  for (const { state } of rollout.hosts) codes.push(ofHost(state, rollout.failOnResidue, hasEnded));
  if (rollout.uncovered.length > 0) codes.push(EXIT.unreachable);
  return hasEnded ? worst(codes) : ofState(rollout.state);
}

const FINAL: ReadonlySet<RolloutState> = new Set(["halted", "aborted", "finished"]);

/** True when nothing will happen to the rollout any more. */
export function isFinal(state: RolloutState): boolean {
  return FINAL.has(state);
}

function ofState(state: RolloutState): ExitCode {
  switch (state) {
    case "finished":
      return EXIT.ok;
    case "halted":
    case "aborted":
      return EXIT.halted;
    case "paused":
    case "waiting-approval":
    case "waiting-window":
      return EXIT.paused;
    case "planned":
    case "running":
    case "stopping":
      return EXIT.pending;
  }
}

function ofHost(state: HostState, failOnResidue: boolean, hasEnded: boolean): ExitCode {
  switch (state) {
    case "done":
      return EXIT.ok;
    case "done-with-residue":
      return failOnResidue ? EXIT.unreachable : EXIT.ok;
    case "failed":
      return EXIT.failed;
    case "vetoed":
    case "skipped":
    case "unreachable":
    case "written-off":
      return EXIT.unreachable;
    case "pending":
    case "permitted":
    case "draining":
    case "acting":
    case "returning":
    case "settling":
    case "verifying":
    case "undraining":
      // A rollout that ended leaves nobody half way; if it does, that host is not proved.
      return hasEnded ? EXIT.unreachable : EXIT.pending;
  }
}
