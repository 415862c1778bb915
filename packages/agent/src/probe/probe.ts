import type { HostProbe, ProbeAnswer } from "@afterpatch/core/session";
import { echoed, visible } from "@afterpatch/core/text";
import type { Config } from "../config/config.ts";
import { StepError } from "../effects/error.ts";
import { runProgram } from "../hooks/program.ts";
import type { HostState } from "../ports.ts";

/** Answers a question about this host within `timeoutMs`; never rejects but for defects. Changes nothing. */
export type Answers = (probe: HostProbe, timeoutMs: number, signal: AbortSignal) => Promise<ProbeAnswer>;

export interface ProbeDeps {
  /** The agent's file as it is now. */
  readonly read: () => Promise<Config>;
  readonly state: () => Promise<HostState>;
  /** Why a unit is not active, or null. Throws StepError where nobody can tell. */
  readonly unit: (name: string) => Promise<string | null>;
  /** Checks are programs of the file's, which root alone may run as whom they name. */
  readonly mayAct: boolean;
}

/** So many questions are looked at at once: a controller that asks more has lost its way. */
const MOST = 8;
/** No question takes longer, whatever is asked for. */
const LONGEST_MS = 3_600_000;

/** The questions that this host answers. */
export function answersOf(deps: ProbeDeps): Answers {
  let running = 0;
  return async (probe, timeoutMs, signal) => {
    if (running >= MOST) return no(`${MOST} questions are being looked at already`);
    running += 1;
    try {
      return await answer(deps, probe, Math.min(Math.max(timeoutMs, 1), LONGEST_MS), signal);
    } catch (error) {
      // Errors of system calls carry a code; everything else is a defect.
      const isExpected = error instanceof StepError || (error instanceof Error && "code" in error);
      if (!isExpected) throw error;
      return no(`cannot be told: ${visible(error.message)}`);
    } finally {
      running -= 1;
    }
  };
}

async function answer(
  { read, state, unit, mayAct }: ProbeDeps,
  probe: HostProbe,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  switch (probe.kind) {
    case "unit":
      return of(await unit(probe.name));
    case "snapshot": {
      const { failedUnits, ports } = await state();
      return { why: null, failedUnits: failedUnits ?? [], ports };
    }
    case "check": {
      const config = await read();
      if (config.kind === "invalid") return no(`the agent's file is invalid: ${config.error.message}`);
      const program = config.policy.checks.find(({ name }) => name === probe.name);
      if (!program)
        return no(`${config.file ?? "the agent's file, which is not there,"} has no check ${echoed(probe.name)}`);
      if (!mayAct) return no("the agent runs without root, and no checks");
      return of(
        await runProgram({ ...program, timeoutMs: Math.min(program.timeoutMs, timeoutMs) }, { variables: {}, signal }),
      );
    }
  }
}

function of(why: string | null): ProbeAnswer {
  return { why, failedUnits: [], ports: [] };
}

function no(why: string): ProbeAnswer {
  return of(why);
}
