/** One run of a package manager. */
export interface Transaction {
  readonly tool: "apt" | "zypper";
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** As it was typed; empty where the log does not say. */
  readonly argv: readonly string[];
  /** Who asked for it; null where the log does not say. */
  readonly user: string | null;
}
