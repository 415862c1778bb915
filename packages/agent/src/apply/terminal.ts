import { createInterface } from "node:readline/promises";
import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { visible } from "@afterpatch/core/text";
import type { Machine } from "../ports.ts";
import type { CarryOutDeps } from "./course.ts";
import { resultLine, settlingLine } from "./present.ts";

/** Asks a person; anything but yes ends the command. */
export async function confirm(count: number, signal: AbortSignal): Promise<void> {
  const question = `Carry out ${count === 1 ? "this step" : `these ${count} steps`}? [y/N] `;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  let answer = "";
  try {
    answer = await terminal.question(question, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    terminal.close();
  }
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new CommandError(EXIT.detached, "apply", "the answer was not yes", "nothing was done");
}

/** The first signal stops before the next step; a second one ends the process at once, and the journal knows where. */
export function interruption(): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT.detached);
    controller.abort(new Error(`${name} received`));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return {
    signal: controller.signal,
    stop: () => void process.off("SIGINT", stop).off("SIGTERM", stop),
  };
}

/** Says what is about to be done. */
export function spoken(machine: Machine, say: (line: string) => void): Machine {
  return {
    ...machine,
    perform(step, before, options) {
      say(`begun    ${step.kind} ${visible(step.target)}`);
      return machine.perform(step, before, options);
    },
  };
}

/** Says each result once, and what is waited for. */
export function reporter(say: (line: string) => void, settleMs: number): CarryOutDeps["report"] {
  const told = new Set<unknown>();
  let last = "acting";
  return (state, steps) => {
    for (const result of steps) {
      if (!told.has(result)) say(resultLine(result));
      told.add(result);
    }
    if (state !== last && state === "settling") say(settlingLine(settleMs));
    if (state !== last && state === "verifying") say("scanning again");
    last = state;
  };
}
