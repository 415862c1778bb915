import { utcText } from "../clock.ts";
import { formatDuration } from "@afterpatch/core/duration";
import type { RemedyKind } from "@afterpatch/core/scan";
import type { ProgressState } from "@afterpatch/core/session";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { visible } from "@afterpatch/core/text";
import type { Machine } from "../ports.ts";
import type { CarryOutDeps } from "./course.ts";
import { resultLine } from "./present.ts";

/** Where progress goes: a terminal has one line that is written anew, everything else gets plain lines. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  readonly graceMs: number;
  readonly settleMs: number;
  /** Milliseconds that only go forward. */
  readonly now: () => number;
}

const EVERY_MS = 500;
const CLEAR = "\r\u001b[K";

/** What an order is at and what it waits for, while it goes on. */
export class Progress {
  readonly #screen: Screen;
  readonly #options: ProgressOptions;
  readonly #told = new Set<unknown>();
  #state: ProgressState = "acting";
  #begun = 0;
  #total = 0;
  #doing: { readonly what: string; readonly since: number } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isMuted = false;

  constructor(screen: Screen, options: ProgressOptions) {
    this.#screen = screen;
    this.#options = options;
  }

  /** Nobody reads any more: what is written to a terminal that went away is an error. */
  mute(): void {
    this.#isMuted = true;
    this.stop();
  }

  /** A line that stays. */
  say(line: string): void {
    this.#write(`${this.#screen.isTTY ? CLEAR : ""}${line}\n`);
    this.#draw();
  }

  /** An order of so many steps comes next. */
  expect(total: number): void {
    this.#total = total;
    this.#begun = 0;
  }

  /** The machine, whose steps are told as they begin. */
  over(machine: Machine): Machine {
    return {
      ...machine,
      perform: (step, before, options) => {
        this.#begun += 1;
        const count = this.#begun <= this.#total ? `${this.#begun}/${this.#total} ` : "";
        this.#do(`${count}${step.kind} ${visible(step.target)}: waiting ${waitedFor(step, options.graceMs)}`);
        return machine.perform(step, before, options);
      },
      reboots: {
        ...machine.reboots,
        announce: (waiting) => {
          this.#do(`reboot host: at ${utcText(waiting.dueAt)}; 'afterpatch-agent reboot --cancel' cancels it`);
          machine.reboots.announce(waiting);
        },
      },
    };
  }

  /** For CarryOutDeps: each result once, and what is waited for. */
  readonly report: CarryOutDeps["report"] = (state, steps) => {
    for (const result of steps) {
      if (this.#told.has(result)) continue;
      this.#told.add(result);
      this.#doing = null;
      this.say(resultLine(result));
    }
    if (state !== this.#state && state === "settling")
      this.#do(`waiting ${this.#settleTime()}for everything to settle`);
    // Ordered of a process before this one: the host is back.
    if (state !== this.#state && state === "returning" && this.#total === 0)
      this.#do("waiting for the host to have started all its services");
    if (state !== this.#state && state === "verifying") this.#do("scanning again");
    this.#state = state;
  };

  /** That of a reboot is another one, and was chosen with it. */
  #settleTime(): string {
    return this.#state === "returning" ? "" : `${formatDuration(this.#options.settleMs)} `;
  }

  /** Nothing goes on any more. */
  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#doing && this.#screen.isTTY) this.#write(CLEAR);
    this.#doing = null;
  }

  #do(what: string): void {
    this.#doing = { what, since: this.#options.now() };
    if (!this.#screen.isTTY) {
      this.#write(`${what}\n`);
      return;
    }
    this.#timer ??= setInterval(() => this.#draw(), EVERY_MS);
    this.#draw();
  }

  #draw(): void {
    if (!this.#screen.isTTY || this.#doing === null) return;
    const { what, since } = this.#doing;
    const seconds = Math.floor((this.#options.now() - since) / 1000);
    // A line that wraps could not be written anew.
    const line = `${seconds} s  ${what}`.slice(0, Math.max(20, (this.#screen.columns || 80) - 1));
    this.#write(`${CLEAR}${line}`);
  }

  #write(text: string): void {
    if (!this.#isMuted) this.#screen.write(text);
  }
}

function waitedFor({ kind }: StepRef, graceMs: number): string {
  return WAITED_FOR[kind as RemedyKind]?.(formatDuration(graceMs)) ?? "until it is done";
}

const WAITED_FOR: Partial<Record<RemedyKind, (grace: string) => string>> = {
  "end-session": (grace) => `for its old sessions to end; after ${grace} they are killed`,
  "relaunch-application": () => "for its old instances to end, then for new ones to run",
  "restart-service": () => "for its manager to have stopped and started it",
  reexec: () => "for it to have executed its program anew",
  reboot: () => "for it to go down",
};
