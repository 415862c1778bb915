import { FileReader, type KeyPath, type Problem, type Range } from "../file-reader.ts";
import type { AgentFile, ApplicationInFile, ProgramInFile } from "./agent-file.ts";
import { DEFAULT_POLICY } from "./defaults.ts";
import type { ApplicationRule, Command, HookMoment, Policy, Program, Schedule, StopRule } from "./types.ts";

/** The file understood. It has the form of docs/agent.schema.json; what a schema cannot say is looked at here. */
export function policyOf(file: AgentFile): { readonly policy: Policy; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const reader = new Reader(problems);
  const { caps, hooks, scanAfterPackageChanges: after } = file;
  const standard = DEFAULT_POLICY;
  reader.distinctNames(file);
  const programs = (moment: HookMoment) => reader.programs(hooks?.[moment], ["hooks", moment]);
  const policy: Policy = {
    verbs: file.verbs ?? standard.verbs,
    units: {
      protected: reader.globs(file.units?.protected, ["units", "protected"]),
      ask: reader.globs(file.units?.ask, ["units", "ask"]),
    },
    users: { protected: reader.globs(file.users?.protected, ["users", "protected"]) },
    caps: {
      reboots: caps?.reboots ?? standard.caps.reboots,
      minimumUptimeMs: reader.duration(
        caps?.minimumUptime,
        ["caps", "minimumUptime"],
        UPTIME,
        standard.caps.minimumUptimeMs,
      ),
      restartsPerRun: caps?.restartsPerRun ?? null,
      restartsPerHour: caps?.restartsPerHour ?? null,
    },
    windows: (file.windows ?? []).map((window, index) => reader.window(window, ["windows", index])),
    denyFile: file.denyFile ?? standard.denyFile,
    vetoes: { ...standard.vetoes, ...file.vetoes },
    applications: (file.applications ?? []).map((rule, index) => reader.application(rule, ["applications", index])),
    hooks: {
      beforeApply: programs("beforeApply"),
      afterApply: programs("afterApply"),
      beforeStep: programs("beforeStep"),
      afterStep: programs("afterStep"),
    },
    checks: reader.programs(file.checks, ["checks"]),
    graceMs: reader.duration(file.grace, ["grace"], SHORT, standard.graceMs),
    settleMs: reader.duration(file.settle, ["settle"], SHORT, standard.settleMs),
    report: file.report === undefined ? standard.report : reader.schedule(file.report, ["report"]),
    scanAfterPackageChanges: {
      enabled: after?.enabled ?? standard.scanAfterPackageChanges.enabled,
      quietMs: reader.duration(
        after?.quiet,
        ["scanAfterPackageChanges", "quiet"],
        QUIET,
        standard.scanAfterPackageChanges.quietMs,
      ),
    },
  };
  return { policy, problems };
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SHORT: Range = [0, HOUR_MS];
const UPTIME: Range = [0, 30 * DAY_MS];
/** A daemon that watches packages waits no longer for their rest. */
const QUIET: Range = [0, 600_000];
const TIMEOUT: Range = [1000, HOUR_MS];
const REPORT: Range = [60_000, DAY_MS];
const DEFAULT_TIMEOUT_MS = 60_000;

class Reader extends FileReader {
  programs(programs: readonly ProgramInFile[] | undefined, path: KeyPath): readonly Program[] {
    return (programs ?? []).map(({ name, command, timeout, user = "root" }, index) => ({
      name,
      command: this.#command(command, [...path, index, "command"]),
      timeoutMs: this.duration(timeout, [...path, index, "timeout"], TIMEOUT, DEFAULT_TIMEOUT_MS),
      user,
    }));
  }

  application({ name, match, stop, start }: ApplicationInFile, path: KeyPath): ApplicationRule {
    const { executable = null, user = null, unit = null, container = null } = match;
    if (executable !== null) this.glob(executable, [...path, "match", "executable"]);
    if (executable !== null && !/^[/*]/.test(executable)) {
      this.wrong([...path, "match", "executable"], `${executable} is not an absolute path, so it would match nothing`);
    }
    if (unit !== null) this.glob(unit, [...path, "match", "unit"]);
    if (container !== null) this.glob(container, [...path, "match", "container"]);
    // Users of a container are not this host's: nobody on it "ran it".
    const standard = container === null ? null : "root";
    return {
      name,
      match: { executable, user, unit, container },
      stop: this.#stop(stop ?? {}, [...path, "stop"], standard),
      start:
        start === "none"
          ? { kind: "none" }
          : {
              kind: "command",
              command: this.#command(start.command, [...path, "start", "command"]),
              user: start.user ?? standard,
              directory: start.directory ?? "/",
              environment: start.environment ?? {},
            },
    };
  }

  #stop(stop: NonNullable<ApplicationInFile["stop"]>, path: KeyPath, standard: string | null): StopRule {
    const { signal, grace, command, timeout, user } = stop;
    const graceMs = this.duration(grace, [...path, "grace"], SHORT, DEFAULT_POLICY.graceMs);
    if (command === undefined) {
      for (const key of ["timeout", "user"] as const) {
        if (stop[key] !== undefined) this.wrong([...path, key], "belongs to a command, and there is none");
      }
      return { kind: "signal", signal: signal ?? "TERM", graceMs };
    }
    for (const key of ["signal", "grace"] as const) {
      if (stop[key] !== undefined) this.wrong([...path, key], "does not go with command; give one or the other");
    }
    return {
      kind: "command",
      command: this.#command(command, [...path, "command"]),
      timeoutMs: this.duration(timeout, [...path, "timeout"], TIMEOUT, DEFAULT_TIMEOUT_MS),
      user: user ?? standard,
    };
  }

  #command([program = "", ...args]: readonly string[], path: KeyPath): Command {
    if (!program.startsWith("/")) this.wrong([...path, 0], `${program} is not an absolute path; no PATH is searched`);
    return [program, ...args];
  }

  /** A cron expression is only told from a duration here; who runs it knows whether it is one. */
  schedule(text: string, path: KeyPath): Schedule {
    if (/^@|\s/.test(text.trim())) return { kind: "cron", cron: text.trim() };
    return { kind: "every", everyMs: this.duration(text, path, REPORT, 0) };
  }

  distinctNames({ hooks, checks, applications }: AgentFile): void {
    const lists: readonly (readonly [readonly { readonly name: string }[], KeyPath])[] = [
      [hooks?.beforeApply ?? [], ["hooks", "beforeApply"]],
      [hooks?.afterApply ?? [], ["hooks", "afterApply"]],
      [hooks?.beforeStep ?? [], ["hooks", "beforeStep"]],
      [hooks?.afterStep ?? [], ["hooks", "afterStep"]],
      [checks ?? [], ["checks"]],
    ];
    this.distinct(lists, "a hook or check");
    this.distinct([[applications ?? [], ["applications"]]], "an application");
  }
}
