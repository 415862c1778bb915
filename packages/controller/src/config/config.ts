/** How the controller runs, beside its ports: what no flag says. */
export interface Config {
  /** How often agents report that have no schedule of their own. */
  readonly reportIntervalMs: number;
  /** Silent for so long, a host that is not connected is lost. */
  readonly lostAfterMs: number;
}

const REPORT_INTERVAL_MS = 30 * 60_000;

/** Without a file (contracts). */
export const DEFAULT_CONFIG: Config = { reportIntervalMs: REPORT_INTERVAL_MS, lostAfterMs: 2 * REPORT_INTERVAL_MS };

/** What a file says. Undefined: nothing, and a flag or what `init` was told decides. */
export interface FromFile {
  readonly listen: string | undefined;
  readonly ports: {
    readonly fleet: number | undefined;
    readonly enrol: number | undefined;
    readonly http: number | undefined;
  };
  readonly hooksDir: string | undefined;
  readonly config: Config;
}
