import type { RebootMethod, RebootMode } from "../plan/reboot.ts";
import type { WindowInFile } from "../policy/agent-file.ts";
import type { Verb } from "../policy/types.ts";

// A rollout's file as it is written. docs/rollout.schema.json has the same shape and docs/rollout-file.md explains it; a
// test compares the three. Durations are text such as `90s`; sizes are whole numbers or percentages such as `10%`.

export const API_VERSION = "afterpatch/v1";

export interface RolloutFile {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: "Rollout";
  readonly name?: string;
  /** Mandatory here or by `--reason`. */
  readonly reason?: string;
  /** A pattern of hosts. Mandatory here or on the command line, which narrows it. */
  readonly select?: string;
  readonly actions?: ActionsInFile;
  readonly waves?: readonly WaveInFile[];
  readonly budgets?: readonly BudgetInFile[];
  readonly stop?: StopInFile;
  readonly hooks?: { readonly drain?: HookInFile; readonly undrain?: HookInFile };
  readonly health?: { readonly before?: readonly CheckInFile[]; readonly after?: readonly CheckInFile[] };
  readonly timing?: TimingInFile;
  /** Permits are issued inside of one of these alone; always where there is none. */
  readonly windows?: readonly RolloutWindowInFile[];
  /** Permits are never issued inside of these, whatever the windows say. */
  readonly freeze?: readonly FreezeInFile[];
  /** Hosts that are not connected: `wait 2h` (default `wait 2m`), `skip` or `fail`. Always charged to budgets. */
  readonly unreachable?: string;
  readonly webhooks?: readonly WebhookInFile[];
}

export interface ActionsInFile {
  /** Remedies of other kinds stay as residue. */
  readonly only?: readonly Verb[];
  /** Units that are left alone in this rollout: globs. */
  readonly never?: readonly string[];
  /** Only what runs old code of these: globs over names of packages, paths of libraries, names of units, CVE ids. */
  readonly packages?: readonly string[];
  readonly libraries?: readonly string[];
  readonly units?: readonly string[];
  readonly cves?: readonly string[];
  readonly reboot?: RebootMode;
  readonly rebootMethod?: RebootMethod;
  readonly sessionsFirst?: boolean;
  readonly message?: string;
  readonly delay?: string;
  /** Also carry out what was not planned. */
  readonly allowNew?: boolean;
}

export interface WaveInFile {
  readonly name: string;
  /** A pattern of hosts; those of earlier waves are left out. Absent: all that are left. */
  readonly select?: string;
  /** Of these hosts only a few that stand for the rest: so many of each combination. */
  readonly pick?: { readonly per: readonly string[]; readonly count?: number };
  /** Batch sizes, the last repeats. Absent: one host at a time. */
  readonly ramp?: readonly (number | string)[];
  /** `slide` (default): the next host begins when one has ended. `batch`: when all of a batch have. */
  readonly mode?: "slide" | "batch";
  /** Names of waves that have to have ended. Absent: the one before in the file; `[]`: none. */
  readonly after?: readonly string[];
  /** Waited after the wave's last host. */
  readonly bake?: string;
  /** `manual`: a person lets the wave after it begin; `second-person`: one who is not the author of the rollout. */
  readonly approve?: "manual" | "second-person" | "none";
  /** The host for which this named check of its own agent's file succeeds is taken last. */
  readonly order?: { readonly leaderLast?: string; readonly by?: readonly string[] };
}

export interface BudgetInFile {
  /** Key of a label; hosts of one value count together, hosts without it as a group of their own. */
  readonly by?: string;
  /** A pattern: the budget is over these hosts alone. */
  readonly select?: string;
  /** So many of a group may be unavailable at once. `0`: none. */
  readonly maxUnavailable?: number | string;
  /** So many groups may have an unavailable host at once. */
  readonly maxGroups?: number;
  /** More than half stay available. */
  readonly quorum?: "majority";
  /** A group of one host has an outage when it is taken: that is known, and accepted. */
  readonly acceptOutage?: boolean;
}

export interface StopInFile {
  /** So many are tolerated, the next one stops. */
  readonly maxFailures?: number;
  /** Of the hosts that have ended, from the tenth on. */
  readonly maxFailuresPercent?: string;
  /** No host done within this time: stop. */
  readonly progressDeadline?: string;
}

export interface HookInFile {
  /** On the controller: program and arguments, `{host}` is its name. */
  readonly command: readonly string[];
  readonly timeout?: string;
  /** What becomes of a host whose hook fails. */
  readonly onFail?: "skip-host" | "fail-host" | "stop";
}

export interface CheckInFile {
  readonly name?: string;
  readonly tcp?: string;
  readonly http?: { readonly url: string; readonly expect?: number; readonly contains?: string };
  /** A unit of the host that has to be active. */
  readonly unit?: string;
  /** A check of the host's own agent's file, by name. */
  readonly check?: string;
  /** On the controller. */
  readonly command?: readonly string[];
  readonly prometheus?: { readonly url: string; readonly query: string; readonly onError?: "block" | "pass" };
  /** Units and ports as they were before. */
  readonly baseline?: { readonly units?: boolean; readonly ports?: boolean };
  /** It has to hold for so long without a failure. */
  readonly for?: string;
  readonly timeout?: string;
}

export interface TimingInFile {
  readonly begin?: string;
  readonly deadline?: string;
  readonly reboot?: string;
  readonly grace?: string;
  readonly settle?: string;
  readonly rebootSettle?: string;
}

export interface RolloutWindowInFile extends WindowInFile {
  /** So long before its end the last host begins; `auto`: as long as hosts took before. Absent: `auto`. */
  readonly lastStart?: string;
}

export interface FreezeInFile {
  readonly from: string;
  readonly until: string;
  readonly reason?: string;
  readonly tz?: string;
}

export const WEBHOOK_EVENTS = ["start", "gate", "stop", "host-failed", "done"] as const;

export interface WebhookInFile {
  readonly url: string;
  readonly on?: readonly (typeof WEBHOOK_EVENTS)[number][];
}
