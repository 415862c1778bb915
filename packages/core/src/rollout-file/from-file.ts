import { FileReader, type KeyPath, type Problem, type Range } from "../file-reader.ts";
import { parseRamp, type Ramp } from "../fleet/ramp.ts";
import { DEFAULT_REBOOT, LONGEST_DELAY_MS, LONGEST_REBOOT_MS } from "../plan/reboot.ts";
import type { Command } from "../policy/types.ts";
import type {
  ActionsInFile,
  BudgetInFile,
  HookInFile,
  RolloutFile,
  RolloutWindowInFile,
  StopInFile,
  TimingInFile,
  WaveInFile,
} from "./file.ts";
import { checkOf } from "./check.ts";
import { freezeOf } from "./freeze.ts";
import type {
  Actions,
  BudgetSpec,
  HookSpec,
  RolloutSpec,
  Size,
  StopSpec,
  TimingSpec,
  UnreachableSpec,
  WaveSpec,
  WindowSpec,
} from "./spec.ts";
import { UNCOUNTED } from "./spec.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const BAKE: Range = [0, 14 * DAY_MS];
const TIMEOUT: Range = [1000, HOUR_MS];
const SHORT: Range = [0, HOUR_MS];
const DEADLINE: Range = [MINUTE_MS, DAY_MS];
const UNREACHABLE: Range = [0, 14 * DAY_MS];
const LAST_START: Range = [0, 7 * DAY_MS];

/** Contracts: grace and settle 10 s; a minute to begin, a quarter of an hour to end. */
export const DEFAULT_TIMING: TimingSpec = {
  beginWithinMs: MINUTE_MS,
  deadlineMs: 15 * MINUTE_MS,
  graceMs: 10_000,
  settleMs: 10_000,
};

/** The file understood. It has the form of docs/rollout.schema.json; what a schema cannot say is looked at here. */
export function specOf(file: RolloutFile): { readonly spec: RolloutSpec; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const reader = new RolloutReader(problems);
  const waves = file.waves ?? [{ name: "all" }];
  reader.distinct([[waves, ["waves"]]], "a wave");
  const checks = (moment: "before" | "after") =>
    (file.health?.[moment] ?? []).map((check, index) => checkOf(check, ["health", moment, index], reader));
  const spec: RolloutSpec = {
    name: file.name ?? null,
    reason: file.reason ?? null,
    select: file.select ?? null,
    actions: reader.actions(file.actions ?? {}, file.timing ?? {}),
    waves: waves.map((wave, index) => reader.wave(wave, index, waves)),
    budgets: (file.budgets ?? []).map((budget, index) => reader.budget(budget, ["budgets", index])),
    stop: reader.stop(file.stop ?? {}),
    hooks: {
      drain: reader.hook(file.hooks?.drain, ["hooks", "drain"]),
      undrain: reader.hook(file.hooks?.undrain, ["hooks", "undrain"]),
    },
    health: { before: checks("before"), after: checks("after") },
    timing: reader.timing(file.timing ?? {}),
    windows: (file.windows ?? []).map((window, index) => reader.rolloutWindow(window, ["windows", index])),
    freeze: (file.freeze ?? []).map((freeze, index) => freezeOf(freeze, ["freeze", index], reader)),
    unreachable: reader.unreachable(file.unreachable, ["unreachable"]),
    webhooks: (file.webhooks ?? []).map(({ url, on }, index) => {
      reader.url(url, ["webhooks", index, "url"]);
      return { url, on: on ?? ["start", "gate", "stop", "host-failed", "done"] };
    }),
  };
  const { drain, undrain } = file.hooks ?? {};
  if ((drain === undefined) !== (undrain === undefined)) {
    reader.wrong(["hooks"], "needs both drain and undrain: what is taken out of service is put back");
  }
  for (const [index, { baseline }] of (file.health?.before ?? []).entries()) {
    if (baseline) reader.wrong(["health", "before", index], "a baseline is of health.after alone: it is noted before");
  }
  return { spec, problems };
}

class RolloutReader extends FileReader {
  actions(actions: ActionsInFile, timing: TimingInFile): Actions {
    const { packages = [], libraries = [], units = [], cves = [], never = [], only = null } = actions;
    return {
      ...{ only, cves: cves.map((id) => id.toUpperCase()) },
      packages: this.globs(packages, ["actions", "packages"]),
      libraries: this.globs(libraries, ["actions", "libraries"]),
      units: this.globs(units, ["actions", "units"]),
      never: this.globs(never, ["actions", "never"]),
      reboot: {
        mode: actions.reboot ?? DEFAULT_REBOOT.mode,
        method: actions.rebootMethod ?? DEFAULT_REBOOT.method,
        sessionsFirst: actions.sessionsFirst ?? false,
        message: actions.message ?? "",
        delayMs: this.duration(actions.delay, ["actions", "delay"], [0, LONGEST_DELAY_MS], 0),
        withinMs: this.duration(
          timing.reboot,
          ["timing", "reboot"],
          [MINUTE_MS, LONGEST_REBOOT_MS],
          DEFAULT_REBOOT.withinMs,
        ),
        settleMs: this.duration(timing.rebootSettle, ["timing", "rebootSettle"], SHORT, DEFAULT_REBOOT.settleMs),
      },
      allowNew: actions.allowNew ?? false,
    };
  }

  wave(wave: WaveInFile, index: number, waves: readonly WaveInFile[]): WaveSpec {
    const path: KeyPath = ["waves", index];
    const earlier = waves.slice(0, index).map(({ name }) => name);
    for (const [at, name] of (wave.after ?? []).entries()) {
      if (earlier.includes(name)) continue;
      const known = waves.some((other) => other.name === name);
      this.wrong(
        [...path, "after", at],
        known ? `${name} does not come before this wave in the file` : `${name} is not a wave of this file`,
      );
    }
    const before = earlier.at(-1);
    return {
      name: wave.name,
      select: wave.select ?? null,
      pick: wave.pick ? { per: wave.pick.per, count: wave.pick.count ?? 1 } : null,
      ramp: this.#ramp(wave.ramp, [...path, "ramp"]),
      mode: wave.mode ?? "slide",
      after: wave.after ?? (before === undefined ? [] : [before]),
      bakeMs: this.duration(wave.bake, [...path, "bake"], BAKE, 0),
      isApproved: wave.approve === "manual" || wave.approve === "second-person",
      ...(wave.approve === "second-person" ? { isBySecondPerson: true } : {}),
      leaderLast: wave.order?.leaderLast ?? null,
      by: wave.order?.by ?? [],
    };
  }

  #ramp(ramp: readonly (number | string)[] | undefined, path: KeyPath): Ramp {
    const parsed = parseRamp((ramp ?? []).join(","));
    if (parsed.kind === "ramp") return parsed.ramp;
    this.wrong(path, parsed.why);
    return [];
  }

  budget(budget: BudgetInFile, path: KeyPath): BudgetSpec {
    const limits = (["maxUnavailable", "maxGroups", "quorum"] as const).filter((key) => budget[key] !== undefined);
    const [limit] = limits;
    if (limits.length !== 1) this.wrong(path, "needs one of maxUnavailable, maxGroups and quorum, and one alone");
    if (limit === "maxGroups" && budget.by === undefined) {
      this.wrong([...path, "maxGroups"], "needs by: the label whose values are the groups");
    }
    return {
      by: budget.by ?? null,
      select: budget.select ?? null,
      limit:
        budget.quorum !== undefined
          ? { kind: "quorum" }
          : budget.maxGroups !== undefined
            ? { kind: "groups", most: budget.maxGroups }
            : { kind: "unavailable", size: this.#size(budget.maxUnavailable ?? 1, [...path, "maxUnavailable"]) },
      acceptOutage: budget.acceptOutage ?? false,
    };
  }

  #size(size: number | string, path: KeyPath): Size {
    if (/^0%?$/.test(String(size))) return { kind: "none" };
    const parsed = parseRamp(String(size));
    const [first, ...more] = parsed.kind === "ramp" ? parsed.ramp : [];
    if (first !== undefined && more.length === 0) return first;
    this.wrong(path, parsed.kind === "invalid" ? parsed.why : "is a number of hosts or a percentage, and one alone");
    return { kind: "none" };
  }

  stop({ maxFailures: most, maxFailuresPercent, progressDeadline }: StopInFile): StopSpec {
    const maxFailures = most ?? (maxFailuresPercent === undefined ? 0 : UNCOUNTED);
    return {
      maxFailures,
      maxFailuresPercent: maxFailuresPercent === undefined ? null : Number(maxFailuresPercent.replace("%", "")),
      progressDeadlineMs:
        progressDeadline === undefined
          ? null
          : this.duration(progressDeadline, ["stop", "progressDeadline"], [MINUTE_MS, 14 * DAY_MS], HOUR_MS),
    };
  }

  hook(hook: HookInFile | undefined, path: KeyPath): HookSpec | null {
    if (hook === undefined) return null;
    return {
      command: this.command(hook.command, [...path, "command"]),
      timeoutMs: this.duration(hook.timeout, [...path, "timeout"], TIMEOUT, 5 * MINUTE_MS),
      onFail: hook.onFail ?? "fail-host",
    };
  }

  command([program = "", ...args]: readonly string[], path: KeyPath): Command {
    if (!program.startsWith("/")) this.wrong([...path, 0], `${program} is not an absolute path; no PATH is searched`);
    return [program, ...args];
  }

  url(text: string, path: KeyPath): void {
    if (!/^https?:\/\/[^\s/]+/.test(text))
      this.wrong(path, `${text} is not an address that begins with http:// or https://`);
  }

  timing({ begin, deadline, grace, settle }: TimingInFile): TimingSpec {
    return {
      beginWithinMs: this.duration(begin, ["timing", "begin"], TIMEOUT, DEFAULT_TIMING.beginWithinMs),
      deadlineMs: this.duration(deadline, ["timing", "deadline"], DEADLINE, DEFAULT_TIMING.deadlineMs),
      graceMs: this.duration(grace, ["timing", "grace"], SHORT, DEFAULT_TIMING.graceMs),
      settleMs: this.duration(settle, ["timing", "settle"], SHORT, DEFAULT_TIMING.settleMs),
    };
  }

  rolloutWindow(window: RolloutWindowInFile, path: KeyPath): WindowSpec {
    const understood = this.window(window, path);
    const { lastStart = "auto" } = window;
    if (lastStart === "auto") return { ...understood, lastStartMs: null };
    const lastStartMs = this.duration(lastStart, [...path, "lastStart"], LAST_START, 0);
    if (lastStartMs >= understood.durationMs && understood.durationMs > 0) {
      this.wrong([...path, "lastStart"], `${lastStart} leaves nothing of a window of ${window.duration}`);
    }
    return { ...understood, lastStartMs };
  }

  unreachable(text: string | undefined, path: KeyPath): UnreachableSpec {
    if (text === undefined) return { kind: "wait", ms: 2 * MINUTE_MS };
    if (text === "skip" || text === "fail") return { kind: text };
    const [word, duration, ...rest] = text.split(" ");
    if (word !== "wait" || duration === undefined || rest.length > 0) {
      this.wrong(path, `${text} is not one of skip, fail and 'wait 2h'`);
      return { kind: "fail" };
    }
    return { kind: "wait", ms: this.duration(duration, path, UNREACHABLE, 0) };
  }
}
