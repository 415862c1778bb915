import { createInterface } from "node:readline/promises";
import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";

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
