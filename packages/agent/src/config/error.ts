import type { KeyPath } from "@afterpatch/core/policy/from-file";
import { visible } from "@afterpatch/core/text";

/** One mistake in the agent's file. */
export interface Mistake {
  /** From 1; null where it is about the file as a whole. */
  readonly line: number | null;
  /** `units.protected[0]`; empty where no key is meant. */
  readonly key: string;
  readonly what: string;
}

/**
 * The agent's file cannot be used: nothing is done by it, nor without it. `missing`: it was named and is not there;
 * `unreadable`: it may not be read by this user, who may not act either.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: "invalid" | "missing" | "unreadable";
  readonly file: string;
  /** By line, at least one. */
  readonly mistakes: readonly Mistake[];
  constructor(
    file: string,
    mistakes: readonly Mistake[],
    options: ErrorOptions & { readonly code?: ConfigError["code"] } = {},
  ) {
    const [first] = mistakes;
    const more = mistakes.length > 1 ? ` (and ${mistakes.length - 1} more)` : "";
    super(`${first ? mistakeLine(file, first) : file}${more}`, options);
    this.code = options.code ?? "invalid";
    this.file = file;
    this.mistakes = mistakes;
  }
}

/** `FILE:LINE: KEY: WHAT` */
export function mistakeLine(file: string, { line, key, what }: Mistake): string {
  const place = line === null ? file : `${file}:${line}`;
  return visible(key === "" ? `${place}: ${what}` : `${place}: ${key}: ${what}`);
}

/** `units.protected[0]` */
export function keyText(path: KeyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}
