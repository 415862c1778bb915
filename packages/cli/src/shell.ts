import type { ExitCode } from "@afterpatch/core/exit";

/** What commands may use of the process they run in; main.ts fills it in. */
export interface Shell {
  readonly access: Access;
  now(): number;
  /** Standard output. */
  out(text: string): void;
  /** Standard output, for what has no end: resolves once the reader has taken enough that more may be written. */
  written(text: string): Promise<void>;
  /** Standard error. */
  err(text: string): void;
  /** The terminal behind standard output; null when it is a file or a pipe. */
  readonly terminal: Terminal | null;
  /** Asks on the terminal; null when nobody is there to answer. An answer that never came is empty. */
  readonly ask: ((question: string) => Promise<string>) | null;
  readonly paint: Paint;
  /** Calls `interrupted` at Ctrl-C or SIGTERM instead of ending the program. The returned function undoes it. */
  onInterrupt(interrupted: () => void): () => void;
}

/** Where the controller is and who we are, as given; null where nobody said. */
export interface Access {
  readonly controller: string | null;
  readonly credentials: string;
  /** Ansible inventory where `-i` names none. */
  readonly inventory: string | null;
  /** `zone=ec2_az,rack=rack`, where `--inventory-label` says nothing. */
  readonly inventoryLabels: string | null;
  /** A login token, for `afterpatch login` alone. */
  readonly loginToken: string | null;
}

export interface Terminal {
  columns(): number;
  rows(): number;
  /** Calls `resized` when the window changed. The returned function undoes it. */
  onResize(resized: () => void): () => void;
}

export type Colour = "red" | "green" | "yellow" | "bold" | "dim";
/** Text in a colour, or as it is where colours are not wanted. */
export type Paint = (colour: Colour, text: string) => string;

export const plain: Paint = (_colour, text) => text;

/** `jsonl`: of a list, one document a line for each of its members; of anything else, the document on one line. */
export const FORMATS = ["table", "wide", "json", "yaml", "jsonl"] as const;
export type Format = (typeof FORMATS)[number];

/** `-o` and `--out`. */
export interface Target {
  readonly format: Format;
  readonly out: string | undefined;
}

export type Run = (shell: Shell) => Promise<ExitCode>;
