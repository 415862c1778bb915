import type { RolloutDocument } from "./documents/rollout.ts";
import { block } from "./render/progress.ts";
import type { Shell, Terminal } from "./shell.ts";

/** A block of lines at the bottom of a terminal that is painted over in place. */
export interface Screen {
  show(rollout: RolloutDocument): void;
  /** A line above the block. */
  say(text: string): void;
  /** Leaves the last picture where it is. */
  close(): void;
}

export function openScreen(shell: Shell, terminal: Terminal): Screen {
  let rollout: RolloutDocument | undefined;
  let heights: readonly number[] = [];
  const paint = (above = "") => {
    if (!rollout) return shell.out(above);
    const lines = block(rollout, terminal.columns(), terminal.rows(), shell.paint);
    // One write, and nothing erased that is not painted over at once: no flicker.
    const up = rows(heights, terminal.columns());
    shell.out(`${up > 0 ? `\x1b[${up}A` : ""}\r\x1b[J${above}${lines.join("\n")}\n`);
    heights = lines.map((line) => [...withoutColour(line)].length);
  };
  const undo = terminal.onResize(() => paint());
  return {
    show(next) {
      rollout = next;
      paint();
    },
    say: (text) => paint(`${text}\n`),
    close: undo,
  };
}

/** Terminal lines that text of these lengths takes: a window that became narrower has wrapped it. */
function rows(lengths: readonly number[], columns: number): number {
  return lengths.reduce((count, length) => count + Math.max(1, Math.ceil(length / Math.max(1, columns))), 0);
}

function withoutColour(text: string): string {
  return text.replaceAll(COLOUR, "");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences that `paint` adds
const COLOUR = /\x1b\[[0-9;]*m/g;
