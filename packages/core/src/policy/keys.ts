import type { AgentFile } from "./agent-file.ts";

/** Every key of T and of what is below it; `true` where a value is no mapping. The compiler compares it with the type. */
export type Keys<T> = [Mapping<T>] extends [never]
  ? true
  : Mapping<T> extends readonly (infer Entry)[]
    ? Keys<Entry>
    : string extends keyof Mapping<T>
      ? true
      : { readonly [Key in keyof Mapping<T>]-?: Keys<Mapping<T>[Key]> };

/** Of `"none" | { ... }` the mapping. */
type Mapping<T> = Exclude<T, string | number | boolean | undefined>;

const PROGRAM = { name: true, command: true, timeout: true, user: true } as const;

/** Keys of the agent's file. A test compares them with docs/agent.schema.json. */
export const AGENT_FILE_KEYS: Keys<AgentFile> = {
  verbs: true,
  units: { protected: true, ask: true },
  users: { protected: true },
  caps: { reboots: true, minimumUptime: true, restartsPerRun: true, restartsPerHour: true },
  windows: { days: true, start: true, duration: true, tz: true },
  denyFile: true,
  vetoes: { inhibitors: true, usersLoggedIn: true },
  applications: {
    name: true,
    match: { executable: true, user: true, unit: true, container: true },
    stop: { signal: true, grace: true, command: true, timeout: true, user: true },
    start: { command: true, user: true, directory: true, environment: true },
  },
  hooks: { beforeApply: PROGRAM, afterApply: PROGRAM, beforeStep: PROGRAM, afterStep: PROGRAM },
  checks: PROGRAM,
  grace: true,
  settle: true,
  report: true,
  scanAfterPackageChanges: { enabled: true, quiet: true },
};
