import { createLogUpdate } from "log-update";
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
  const paint = () => {
    if (now) update(frame(now, shell.now(), terminal.columns(), terminal.rows(), shell.paint).join("\n"));
  };
  const undo = terminal.onResize(paint);
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
