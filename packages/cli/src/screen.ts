import type { RolloutDocument } from "./documents/rollout.ts";
import { block } from "./render/progress.ts";
import type { Shell, Terminal } from "./shell.ts";

/** A block of lines at the bottom of a terminal that is painted over in place. */
export interface Screen {
  show(rollout: RolloutDocument): void;
  /** A line above the block. */
  say(text: string): void;
  /** Takes the block away: the result follows. */
  close(): void;
}

export function openScreen(shell: Shell, terminal: Terminal): Screen {
  let rollout: RolloutDocument | undefined;
  let heights: readonly number[] = [];
  const home = () => {
    const up = rows(heights, terminal.columns());
    return `${up > 0 ? `\x1b[${up}A` : ""}\r`;
  };
  const paint = (above: readonly string[] = []) => {
    const lines = rollout ? block(rollout, terminal.columns(), terminal.rows(), shell.paint) : [];
    // One write that erases behind each new line and never a picture that still stands: no flicker.
    shell.out(`${home()}${[...above, ...lines].map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    heights = lines.map((line) => [...withoutColour(line)].length);
  };
  const undo = terminal.onResize(() => paint());
  return {
    show(next) {
      rollout = next;
      paint();
    },
    say: (text) => paint([text]),
    close() {
      undo();
      shell.out(`${home()}\x1b[J`);
    },
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
