import { type Mistake, mistakeLine } from "@afterpatch/config/mistake";

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
