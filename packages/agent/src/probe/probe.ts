import type { NamedUnit } from "@afterpatch/core/plan/ordered";
import type { Policy } from "@afterpatch/core/policy/types";
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
  /** Services that run and that a glob names, each with why it is kept, or null. Throws StepError where nobody can tell. */
  readonly units: (glob: string, policy: Policy) => Promise<readonly NamedUnit[]>;
  /** Checks are programs of the file's, which root alone may run as whom they name. */
  readonly mayAct: boolean;
}

/** Between TERM and KILL of a check. */
const GRACE_MS = 1_000;
/** So many questions are looked at at once: a controller that asks more has lost its way. */
const MOST = 8;
/** No question takes longer, whatever is asked for. */
const LONGEST_MS = 3_600_000;
/** For a check whose time is up to end, and to say so. */
const ENDING_MS = 2_000;

/** The questions that this host answers. */
export function answersOf(deps: ProbeDeps): Answers {
  let running = 0;
  return async (probe, timeoutMs, signal) => {
    if (running >= MOST) return no(`${MOST} questions are being looked at already`);
    running += 1;
    const withinMs = Math.min(Math.max(timeoutMs, 1), LONGEST_MS);
    // Who does not answer keeps its place: a host that hangs is not asked more and more.
    const looked = told(deps, probe, withinMs, signal).finally(() => {
      running -= 1;
    });
    return inTime(looked, withinMs, signal);
  };
}

async function told(deps: ProbeDeps, probe: HostProbe, withinMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  try {
    return await answer(deps, probe, withinMs, signal);
  } catch (error) {
    // Errors of system calls carry a code; everything else is a defect.
    const isExpected = error instanceof StepError || (error instanceof Error && "code" in error);
    if (!isExpected) throw error;
    return no(`cannot be told: ${visible(error.message)}`);
  }
}

/** A check ends itself, TERM and KILL included; what asks systemd has times of its own, which may be longer. */
function inTime(looked: Promise<ProbeAnswer>, withinMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => resolve(no(`cannot be told: no answer within ${withinMs} ms`)), withinMs + ENDING_MS);
    const gone = (): void => resolve(no("nobody waits for the answer any more"));
    signal.addEventListener("abort", gone, { once: true });
    looked.then(resolve, reject).finally(() => {
      clearTimeout(late);
      signal.removeEventListener("abort", gone);
    });
  });
}

async function answer(
  { read, state, unit, units, mayAct }: ProbeDeps,
  probe: HostProbe,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  switch (probe.kind) {
    case "unit":
      return of(await unit(probe.name));
    case "units": {
      const config = await read();
      if (config.kind === "invalid") return no(`the agent's file is invalid: ${config.error.message}`);
      if (!mayAct) return no("the agent runs without root, and restarts nothing");
      return { ...of(null), units: await units(probe.name, config.policy) };
    }
    case "snapshot": {
      // Without root only our own user's sockets are seen, and what is not seen would be taken for gone.
      if (!mayAct) return no("cannot be told: the agent runs without root");
      const { failedUnits, ports } = await state();
      return { ...of(null), failedUnits: failedUnits ?? [], ports };
    }
    case "check": {
      if (!mayAct) return no("the agent runs without root, and no checks");
      const config = await read();
      if (config.kind === "invalid") return no(`the agent's file is invalid: ${config.error.message}`);
      const program = config.policy.checks.find(({ name }) => name === probe.name);
      if (!program)
        return no(`${config.file ?? "the agent's file, which is not there,"} has no check ${echoed(probe.name)}`);
      const bounded = { ...program, timeoutMs: Math.min(program.timeoutMs, timeoutMs) };
      return of(await runProgram(bounded, { variables: variablesOf(program.name), signal, graceMs: GRACE_MS }));
    }
  }
}

/** As in a proof, but for an order that there is none of. */
function variablesOf(name: string): Readonly<Record<string, string>> {
  return {
    AFTERPATCH_NAME: name,
    AFTERPATCH_MOMENT: "check",
    AFTERPATCH_OPERATION: "",
    AFTERPATCH_ROLLOUT: "",
  };
}

function of(why: string | null): ProbeAnswer {
  return { why, failedUnits: [], ports: [], units: [] };
}

function no(why: string): ProbeAnswer {
  return of(why);
}
