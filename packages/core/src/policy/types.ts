import type { RemedyKind } from "../scan.ts";
import type { Weekday } from "./agent-file.ts";

// The administrator's own rules for one host, understood: durations in milliseconds, defaults filled in. They come from
// /etc/afterpatch/agent.yaml (`agent-file.ts` is its form) and only ever narrow what the built-in list allows. Nothing
// that a controller sends changes them.

/** A remedy that changes something. */
export type Verb = Exclude<RemedyKind, "none">;

export interface Policy {
  /** Remedies of any other kind are left to a person. */
  readonly verbs: readonly Verb[];
  /** Globs over names of units, as `owner.name` has them. `protected`: never restarted; `ask`: only where a person named the unit. */
  readonly units: { readonly protected: readonly string[]; readonly ask: readonly string[] };
  /** Globs over names of users whose sessions are never ended. */
  readonly users: { readonly protected: readonly string[] };
  readonly caps: Caps;
  /** When acting is allowed; always where there is none. */
  readonly windows: readonly Window[];
  /** While this file exists nothing acts; its first line is the reason. */
  readonly denyFile: string;
  readonly vetoes: { readonly inhibitors: boolean; readonly usersLoggedIn: boolean };
  /** First match counts. */
  readonly applications: readonly ApplicationRule[];
  readonly hooks: Readonly<Record<HookMoment, readonly Program[]>>;
  /** Run in the proof; one that fails makes the proof fail. */
  readonly checks: readonly Program[];
  /** Between TERM and KILL of a session, at least. */
  readonly graceMs: number;
  /** How long everything must stay up before the proof, at least. */
  readonly settleMs: number;
  /** When the daemon reports; null: as often as the controller says. */
  readonly report: Schedule | null;
  readonly scanAfterPackageChanges: { readonly enabled: boolean; readonly quietMs: number };
}

export interface Caps {
  /** In 24 hours. */
  readonly reboots: number;
  /** No reboot before the host has been up for so long. */
  readonly minimumUptimeMs: number;
  /** Units and applications that one order may restart; null: any number. */
  readonly restartsPerRun: number | null;
  readonly restartsPerHour: number | null;
}

/** Opens at `startMinute` of each of `days` and stays open for `durationMs`, which may cross midnight. */
export interface Window {
  /** Of the opening. All seven where the file names none. */
  readonly days: readonly Weekday[];
  /** Minutes since midnight by the clocks of `tz`. */
  readonly startMinute: number;
  readonly durationMs: number;
  /** IANA name of a time zone. */
  readonly tz: string;
}

export type HookMoment = "beforeApply" | "afterApply" | "beforeStep" | "afterStep";

/** A hook or a check: a program with its arguments, never a line for a shell. */
export interface Program {
  /** Unique among hooks and checks. */
  readonly name: string;
  /** The first word is an absolute path. */
  readonly command: Command;
  readonly timeoutMs: number;
  readonly user: string;
}

export type Command = readonly [program: string, ...args: string[]];

/** How one kind of application is halted and launched again. */
export interface ApplicationRule {
  readonly name: string;
  /** All that is not null must hold. `executable`, `unit` and `container` are globs. */
  readonly match: {
    readonly executable: string | null;
    readonly user: string | null;
    readonly unit: string | null;
    /** `ENGINE:NAME`, or the name alone. A rule with it is for containers and for nothing else. */
    readonly container: string | null;
  };
  readonly stop: StopRule;
  readonly start: StartRule;
}

export type StopRule =
  /** `signal` without SIG, to every old instance; KILL after `graceMs`. */
  | { readonly kind: "signal"; readonly signal: StopSignal; readonly graceMs: number }
  /** Once for all old instances. `user` null: whoever ran them. */
  | { readonly kind: "command"; readonly command: Command; readonly timeoutMs: number; readonly user: string | null };

export type StopSignal = "TERM" | "INT" | "QUIT" | "HUP" | "USR1" | "USR2";

export type StartRule =
  /** Whatever supervises it starts it again. */
  | { readonly kind: "none" }
  | {
      readonly kind: "command";
      readonly command: Command;
      /** Null: whoever ran the instance that was halted. */
      readonly user: string | null;
      readonly directory: string;
      /** All of it: nothing is inherited but PATH. */
      readonly environment: Readonly<Record<string, string>>;
    };

export type Schedule =
  | { readonly kind: "every"; readonly everyMs: number }
  /** A cron expression of five or six fields, by the host's clock. */
  | { readonly kind: "cron"; readonly cron: string };
