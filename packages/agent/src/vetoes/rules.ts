import type { HookMoment, Program } from "@afterpatch/core/policy/types";
import type { StepRef } from "@afterpatch/core/rollout/types";

/** Why nothing is begun, or not this step. The message is for people and names the rule or the holder. */
export interface Veto {
  readonly code: /** The agent's file is invalid. */
    | "config"
    /** By the deny file, or a reboot by `verbs`. */
    | "denied"
    | "window"
    | "transaction"
    | "inhibited"
    | "users-logged-in"
    /** A cap: of this step alone, others may still be begun. */
    | "cap";
  readonly message: string;
}

/** What this host's administrator laid down, asked at the moment of acting. Nothing that a controller sends changes it. */
export interface Rules {
  /**
   * Why `step`, or anything where it is null, must not begin now. `restarts`: how many others the order `op` has begun.
   * Whatever cannot be found out is a veto.
   */
  veto(step: StepRef | null, restarts: number, op: string): Promise<Veto | null>;
  /** Why a unit is kept from a person's order to restart it whether anything of it is old or not; null: it is not. */
  keeps(unit: string): Promise<string | null>;
  /** Hooks of one moment, or the checks, as the file has them now. */
  programs(moment: HookMoment | "check"): Promise<readonly Program[]>;
  /** What an order of a controller has to give at least. */
  least(): Promise<{ readonly graceMs: number; readonly settleMs: number }>;
  /** Null when it went well, else what went wrong. `variables` are its environment beside PATH and its like. */
  run(program: Program, variables: Readonly<Record<string, string>>): Promise<string | null>;
}

/** A host without rules: the simulator's, and what tests have no use for. */
export const NO_RULES: Rules = {
  veto: async () => null,
  keeps: async () => null,
  programs: async () => [],
  least: async () => ({ graceMs: 0, settleMs: 0 }),
  run: async () => null,
};
