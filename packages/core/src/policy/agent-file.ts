import type { StopSignal, Verb } from "./types.ts";

// /etc/afterpatch/agent.yaml as it is written. docs/agent.schema.json has the same shape and docs/agent-file.md explains
// it; a test compares the three.

export interface AgentFile {
  readonly verbs?: readonly Verb[];
  readonly units?: { readonly protected?: readonly string[]; readonly ask?: readonly string[] };
  readonly users?: { readonly protected?: readonly string[] };
  readonly caps?: {
    readonly reboots?: number;
    readonly minimumUptime?: string;
    readonly restartsPerRun?: number;
    readonly restartsPerHour?: number;
  };
  readonly windows?: readonly WindowInFile[];
  readonly denyFile?: string;
  readonly vetoes?: { readonly inhibitors?: boolean; readonly usersLoggedIn?: boolean };
  readonly applications?: readonly ApplicationInFile[];
  readonly hooks?: {
    readonly beforeApply?: readonly ProgramInFile[];
    readonly afterApply?: readonly ProgramInFile[];
    readonly beforeStep?: readonly ProgramInFile[];
    readonly afterStep?: readonly ProgramInFile[];
  };
  readonly checks?: readonly ProgramInFile[];
  readonly grace?: string;
  readonly settle?: string;
  /** A duration or a cron expression. */
  readonly report?: string;
  readonly scanAfterPackageChanges?: { readonly enabled?: boolean; readonly quiet?: string };
}

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export interface WindowInFile {
  readonly days?: readonly Weekday[];
  /** `HH:MM` */
  readonly start: string;
  readonly duration: string;
  readonly tz?: string;
}

export interface ProgramInFile {
  readonly name: string;
  readonly command: readonly string[];
  readonly timeout?: string;
  readonly user?: string;
}

export interface ApplicationInFile {
  readonly name: string;
  readonly match: {
    readonly executable?: string;
    readonly user?: string;
    readonly unit?: string;
    readonly container?: string;
  };
  /** Either `signal` and `grace`, or `command` with `timeout` and `user`. */
  readonly stop?: {
    readonly signal?: StopSignal;
    readonly grace?: string;
    readonly command?: readonly string[];
    readonly timeout?: string;
    readonly user?: string;
  };
  readonly start:
    | "none"
    | {
        readonly command: readonly string[];
        readonly user?: string;
        readonly directory?: string;
        readonly environment?: Readonly<Record<string, string>>;
      };
}
