import { createLogUpdate } from "log-update";
import stringWidth from "string-width";
import type { Followed } from "./follow.ts";
import { frame } from "./render/frame.ts";
import type { Shell, Terminal } from "./shell.ts";

/** Ages and what is left are counted on while nothing happens. */
const TICK_MS = 1_000;

/** A block of lines at the bottom of a terminal that is painted over in place. */
export interface Screen {
  show(now: Followed): void;
  /** A line above the block. */
  say(text: string): void;
  /** Takes the block away: the result follows. */
  close(): void;
}

export function openScreen(shell: Shell, terminal: Terminal): Screen {
  let now: Followed | undefined;
  const stream = {
    isTTY: true,
    get columns() {
      return terminal.columns();
    },
    get rows() {
      return terminal.rows();
    },
    write: (text: string) => {
      shell.out(text);
      return true;
    },
  };
  // What it asks of a stream is here; its types want a whole one.
  const update = createLogUpdate(stream as unknown as NodeJS.WritableStream);
  let shown: readonly string[] = [];
  const paint = () => {
    if (!now) return;
    shown = frame(now, shell.now(), terminal.columns(), terminal.rows(), shell.paint);
    update(shown.join("\n"));
  };
  // What it painted has been wrapped anew, or has scrolled away in part: it paints what changed since and would miss that.
  const repaint = () => {
    const up = Math.min(rowsOf(shown, terminal.columns()), terminal.rows() - 1);
    shell.out(`${up > 0 ? `\x1b[${up}A` : ""}\r\x1b[J`);
    update.done();
    paint();
  };
  const undo = terminal.onResize(repaint);
  const ticking = setInterval(paint, TICK_MS);
  return {
    show(next) {
      now = next;
      paint();
    },
    say(text) {
      update.clear();
      shell.out(`${text}\n`);
      paint();
    },
    close() {
      undo();
      clearInterval(ticking);
      update.clear();
      update.done();
    },
  };
}

/** Rows that these lines take in a window that may have become narrower. */
function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(stringWidth(line) / Math.max(1, columns))), 0);
}
