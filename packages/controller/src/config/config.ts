import type { Retention } from "../store/pruning.ts";
import type { EventType } from "@afterpatch/core/fleet/events";

/** How the controller runs, beside its ports: what no flag says. */
export interface Config {
  /** How often agents report that have no schedule of their own. */
  readonly reportIntervalMs: number;
  /** Silent for so long, a host that is not connected is lost. */
  readonly lostAfterMs: number;
  readonly webhooks: readonly FleetWebhook[];
  readonly retention: Retention;
}

/** Told what happens in the whole fleet; it also signs what rollouts tell the same address. */
export interface FleetWebhook {
  readonly url: string;
  /** Types of events, or all of a kind: `host.*`. */
  readonly on: readonly string[];
  /** Files with secrets, each of which signs; none: it is told unsigned. */
  readonly secretFiles: readonly string[];
}

/** What is told where nothing else is asked for. */
export const TOLD: readonly EventType[] = [
  ...(["rollout.started", "rollout.gate", "rollout.stopping", "rollout.unreachable", "rollout.closed"] as const),
  ...(["host.lost", "host.back", "host.quarantine", "host.old-code", "host.clear"] as const),
];

const DAY_MS = 86_400_000;
const RETENTION: Retention = {
  ...{ reportsMs: 400 * DAY_MS, reportsPerHost: 5_000 },
  ...{ eventsMs: 90 * DAY_MS, mostEvents: 1_000_000 },
};

const REPORT_INTERVAL_MS = 30 * 60_000;

/** Without a file (contracts). */
export const DEFAULT_CONFIG: Config = {
  reportIntervalMs: REPORT_INTERVAL_MS,
  lostAfterMs: 2 * REPORT_INTERVAL_MS,
  webhooks: [],
  retention: RETENTION,
};

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
