import type { Ran } from "../e2e/fleet.ts";

/** What the demo shows, in order: numbered stages, and commands with their output as it is. */
export class Page {
  readonly #stages: number;
  #stage = 0;
  #isFresh = true;

  constructor(stages: number) {
    this.#stages = stages;
  }

  /** A new stage: what happens, and in one line why. */
  stage(what: string, why: string): void {
    this.#stage += 1;
    console.log(`\n=== ${this.#stage}/${this.#stages} ${what}\n    ${why}\n`);
    this.#isFresh = true;
  }

  line(text: string): void {
    console.log(text);
    this.#isFresh = false;
  }

  /** A command as an operator would type it. */
  command(words: string): void {
    this.line(`${this.#isFresh ? "" : "\n"}$ ${words}`);
  }

  /** A command and what it printed, standard error too. */
  ran(words: string, { stdout, stderr }: Pick<Ran, "stdout" | "stderr">): void {
    this.command(words);
    this.line(`${stdout}${stderr}`.trimEnd());
  }
}

/** What the demo claims and this run did not show: a defect of the programs or of the demo. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** Ends the demo with a clear line when something it shows is not so. */
export function claim(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Broken(what);
}
