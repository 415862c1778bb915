import type { ApplicationRule, HookMoment, Policy, Program } from "@afterpatch/core/policy/types";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { runProgram } from "../hooks/program.ts";
import { keptNow } from "../probe/units.ts";
import type { Rules, Veto } from "../vetoes/rules.ts";
import { type VetoDeps, vetoOf } from "../vetoes/vetoes.ts";
import type { Config } from "./config.ts";

/** The rules for applications of the agent's file as it is whenever they are asked; none where it is invalid. */
export function applicationsOf(read: () => Promise<Config>): () => Promise<readonly ApplicationRule[]> {
  return async () => {
    const config = await read();
    return config.kind === "policy" ? config.policy.applications : [];
  };
}

/** The rules of this host: its agent's file as it is whenever they are asked, and what the vetoes find. */
export function rulesOf(read: () => Promise<Config>, deps: VetoDeps): Rules {
  /** The newest that could be read: what was begun by it is ended by its hooks. */
  let last: Policy | null = null;
  const config = async (): Promise<Config> => {
    const now = await read();
    if (now.kind === "policy") last = now.policy;
    return now;
  };
  return {
    async veto(step: StepRef | null, restarts: number, op: string): Promise<Veto | null> {
      const now = await config();
      if (now.kind === "invalid") return { code: "config", message: now.error.message };
      return vetoOf(now.policy, step, restarts, { ...deps, op });
    },
    async keeps(unit) {
      const now = await config();
      return now.kind === "invalid" ? now.error.message : keptNow(unit, now.policy);
    },
    async programs(moment: HookMoment | "check"): Promise<readonly Program[]> {
      await config();
      if (last === null) return [];
      return moment === "check" ? last.checks : last.hooks[moment];
    },
    async least() {
      await config();
      return { graceMs: last?.graceMs ?? 0, settleMs: last?.settleMs ?? 0 };
    },
    run: (program, variables) => runProgram(program, { variables }),
  };
}
