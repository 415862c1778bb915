import { StepError } from "@afterpatch/agent/effects/error";
import type { Clock, Evidence, HostState, Machine, Performed } from "@afterpatch/agent/ports";
import { rebootable } from "@afterpatch/core/plan/reboot";
import type { StepRef } from "@afterpatch/core/rollout/types";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { type FakeProcess, findingOf } from "./finding.ts";
import { type FakeRebootOptions, FakeReboots } from "./reboots.ts";
import { scanOf } from "./scan.ts";

export interface FakeUnit {
  readonly name: string;
  readonly isOld: boolean;
  /** What a restart leads to; `fine` unless said otherwise. */
  readonly restart?: "fine" | "stays-old" | "fails-at-once" | "fails-later" | "refused";
  /** Units that are restarted along with this one. */
  readonly takesAlong?: readonly string[];
  /** It had failed before. */
  readonly isFailed?: true;
  /** Where it listens. */
  readonly port?: number;
  /** What a boot makes of it; `fine` unless said otherwise. */
  readonly boot?: "fine" | "fails" | "does-not-listen" | "listens-late" | "is-old";
}

export interface FakeHostOptions {
  readonly name?: string;
  readonly units?: readonly FakeUnit[];
  /** Services of a super-server with the number of their old and new sessions. */
  readonly services?: readonly { readonly name: string; readonly old: number; readonly fresh: number }[];
  readonly isInitOld?: boolean;
  /** Names of applications that run old code and that nothing automatic may touch. */
  readonly residue?: readonly string[];
  readonly reboots?: FakeRebootOptions;
}

/** The agent process dies: what `perform` throws where a test told it to. No step of an order may swallow it. */
export class FakeCrash extends Error {
  override readonly name = "FakeCrash";
}

interface Unit extends FakeUnit {
  process: FakeProcess;
  invocation: number;
  failsAt: number | null;
  isRunning: boolean;
  hasFailed: boolean;
  /** Since boot. */
  listensFrom: number;
}

export function fakeHost(options: FakeHostOptions, clock: Clock): FakeHost {
  return new FakeHost(options, clock);
}

/** A host that outlives its agent. */
export class FakeHost {
  /** Effects in the order in which they truly happened, as `KIND:TARGET`. */
  readonly effects: string[] = [];
  readonly reboots: FakeReboots;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #units = new Map<string, Unit>();
  readonly #services = new Map<string, readonly FakeProcess[]>();
  readonly #residue: readonly { readonly name: string; readonly process: FakeProcess }[];
  #init: { process: FakeProcess; image: number };
  #nextPid = 100;
  #busy: string | null = null;
  #scanFailure: string | null = null;

  constructor({ name, units, services, isInitOld, residue, reboots }: FakeHostOptions, clock: Clock) {
    this.#name = name ?? "web01";
    this.#clock = clock;
    this.reboots = new FakeReboots(reboots ?? {}, clock);
    for (const unit of units ?? []) {
      const process = this.#spawn(unit.isOld);
      const hasFailed = unit.isFailed === true;
      const now = { invocation: 1, failsAt: null, isRunning: !hasFailed, hasFailed, listensFrom: 0 };
      this.#units.set(unit.name, { ...unit, process, ...now });
    }
    for (const service of services ?? []) {
      const old = Array.from({ length: service.old }, () => this.#spawn(true));
      this.#services.set(service.name, [...old, ...Array.from({ length: service.fresh }, () => this.#spawn(false))]);
    }
    this.#residue = (residue ?? []).map((name) => ({ name, process: this.#spawn(true) }));
    this.#init = { process: { pid: 1, startTicks: 1, isOld: isInitOld ?? false }, image: 1 };
  }

  /**
   * The host as one process of the agent sees and changes it; that process may be told to die at its n-th effect. A reboot
   * ends it anyway; `under-way`: before the host has gone down.
   */
  machine(crash?: { readonly effect: number; readonly when: "before" | "after" | "under-way" }): Machine {
    let performed = 0;
    return {
      bootId: () => this.reboots.identity().bootId,
      scan: async () => this.#scan(),
      busy: async () => this.#busy,
      evidence: async (step) => this.#evidence(step),
      perform: async (step, before, { reboot }) => {
        performed += 1;
        const dies = crash?.effect === performed;
        if (dies && crash.when === "before") throw new FakeCrash(`before effect ${performed}`);
        if (step.kind === "reboot") {
          const { command } = this.reboots;
          if (command === "refused") return { outcome: "failed", detail: "systemctl: no" };
          if (command === "ignored") return { outcome: "failed", detail: "it did not go down within 5m" };
          this.effects.push(`${step.kind}:${step.target}`);
          this.reboots.isGoingDown = true;
          if (dies && crash.when === "under-way") throw new FakeCrash("while the host goes down");
          this.reboot(reboot?.method === "soft-reboot");
          throw new FakeCrash("with the host");
        }
        const result = this.#perform(step, before);
        if (dies) throw new FakeCrash(`after effect ${performed}`);
        return result;
      },
      happened: async (step, before) => {
        if (step.kind === "reboot" && this.reboots.isGoingDown) {
          this.reboot();
          throw new FakeCrash("with the host");
        }
        return this.#happened(step, before) ? "yes" : "no";
      },
      settled: async (step, before) => {
        if (!this.#happened(step, before)) return `${step.target} is as it was`;
        return step.kind !== "restart-service" || this.isActive(step.target) ? null : `${step.target} is failed`;
      },
      lastWords: async (step) => (step.kind === "restart-service" ? [`${step.target}: said before it failed`] : []),
      reboots: this.reboots.port(() => this.#serving()),
    };
  }

  /** A package upgrade: these units run old code from now on. */
  upgrade(...units: readonly string[]): void {
    for (const name of units) {
      const unit = this.#unit(name);
      unit.process = { ...unit.process, isOld: true };
    }
  }

  /** The host goes down and comes back, whoever wants it. */
  reboot(isSoft = false): void {
    this.reboots.comeBack(isSoft);
    this.#reexec();
    for (const unit of this.#units.values()) {
      unit.invocation = 1;
      unit.process = this.#spawn(unit.restart === "stays-old" || unit.boot === "is-old");
      unit.isRunning = unit.boot !== "fails";
      unit.hasFailed = !unit.isRunning;
      unit.listensFrom = unit.boot === "listens-late" ? 75_000 : unit.boot === "does-not-listen" ? Infinity : 0;
    }
    for (const name of this.#services.keys()) this.#services.set(name, []);
  }

  /** A package manager takes its lock, or gives it back. */
  setBusy(why: string | null): void {
    this.#busy = why;
  }

  setScanFailure(why: string | null): void {
    this.#scanFailure = why;
  }

  isActive(unit: string): boolean {
    return this.#unit(unit).isRunning;
  }

  /** Sessions that are still open. */
  sessions(service: string): { readonly old: number; readonly fresh: number } {
    const open = this.#services.get(service) ?? [];
    const old = open.filter(({ isOld }) => isOld).length;
    return { old, fresh: open.length - old };
  }

  #spawn(isOld: boolean): FakeProcess {
    const pid = this.#nextPid++;
    return { pid, startTicks: pid * 10, isOld };
  }

  #unit(name: string): Unit {
    const unit = this.#units.get(name);
    if (!unit) throw new StepError("not-found", `${name} does not exist`);
    if (unit.failsAt !== null && this.#clock.sinceBootMs() >= unit.failsAt) unit.isRunning = false;
    return unit;
  }

  #scan(): Scan {
    if (this.#scanFailure !== null) throw new StepError("scan-failed", this.#scanFailure);
    const { bootId, release } = this.reboots.identity();
    const { expected } = this.reboots;
    const verdict = expected === null ? "unknown" : expected === release ? "current" : "outdated";
    const kernel = { running: release, expected, verdict } as const;
    return scanOf({ name: this.#name, bootId, kernel }, this.#clock.now(), [
      ...(verdict === "outdated" ? [rebootable(kernelFinding(bootId, release), kernel)] : []),
      ...[...this.#services].flatMap(([name, sessions]) =>
        sessions
          .filter(({ isOld }) => isOld)
          .map((process) => findingOf("xinetd-session", name, process, { kind: "end-session", target: name })),
      ),
      ...[...this.#units.keys()]
        .map((name) => this.#unit(name))
        .filter(({ isRunning, process }) => isRunning && process.isOld)
        .map(({ name, process }) => findingOf("service", name, process, { kind: "restart-service", target: name })),
      ...(this.#init.process.isOld
        ? [findingOf("init", "systemd", this.#init.process, { kind: "reexec", target: "init" })]
        : []),
      ...this.#residue.map(({ name, process }) =>
        findingOf("application", name, process, { kind: "none", target: name }),
      ),
    ]);
  }

  #evidence(step: StepRef): Evidence {
    const { boot, expected } = this.reboots;
    if (step.kind === "restart-service") return { boot, invocation: this.#unit(step.target).invocation };
    if (step.kind === "reexec") return { boot, image: this.#init.image };
    if (step.kind === "reboot") {
      return { ...this.reboots.identity(), build: "#1 SMP", ...this.#serving(), expected, isRebuilt: false };
    }
    const old = (this.#services.get(step.target) ?? []).filter(({ isOld }) => isOld);
    return { boot, pids: old.map(({ pid }) => pid) };
  }

  #serving(): Pick<HostState, "failedUnits" | "ports"> {
    const units = [...this.#units.keys()].map((name) => this.#unit(name));
    const listening = units.filter(
      ({ isRunning, listensFrom }) => isRunning && listensFrom <= this.#clock.sinceBootMs(),
    );
    return {
      failedUnits: units.filter(({ hasFailed }) => hasFailed).map(({ name }) => name),
      ports: listening.flatMap(({ port }) => (port === undefined ? [] : [`tcp ${port}`])),
    };
  }

  #happened(step: StepRef, before: Evidence): boolean {
    if (step.kind === "reboot") {
      const { bootId, softReboots } = this.reboots.identity();
      return before.bootId !== bootId || before.softReboots !== softReboots;
    }
    if (step.kind !== "end-session") return JSON.stringify(this.#evidence(step)) !== JSON.stringify(before);
    const open = new Set((this.#services.get(step.target) ?? []).map(({ pid }) => pid));
    return pidsOf(before).every((pid) => !open.has(pid));
  }

  #perform(step: StepRef, before: Evidence): Performed {
    if (step.kind === "restart-service" && this.#unit(step.target).restart === "refused") {
      return { outcome: "vetoed", detail: `${step.target} refuses to be restarted` };
    }
    this.effects.push(`${step.kind}:${step.target}`);
    if (step.kind === "reexec") this.#reexec();
    else if (step.kind === "end-session") this.#end(step.target, new Set(pidsOf(before)));
    else {
      this.#restart(this.#unit(step.target));
      if (!this.isActive(step.target)) return { outcome: "failed", detail: `${step.target} did not start` };
    }
    return { outcome: "done", detail: `${step.kind} of ${step.target}` };
  }

  #reexec(): void {
    this.#init = { process: { ...this.#init.process, isOld: false }, image: this.#init.image + 1 };
  }

  #end(service: string, pids: ReadonlySet<number>): void {
    const open = this.#services.get(service) ?? [];
    this.#services.set(
      service,
      open.filter(({ pid }) => !pids.has(pid)),
    );
  }

  #restart(unit: Unit): void {
    unit.invocation += 1;
    unit.process = this.#spawn(unit.restart === "stays-old");
    unit.isRunning = unit.restart !== "fails-at-once";
    unit.failsAt = unit.restart === "fails-later" ? this.#clock.sinceBootMs() + 4000 : null;
    for (const name of unit.takesAlong ?? []) this.#restart(this.#unit(name));
  }
}

function pidsOf(before: Evidence): readonly number[] {
  const { pids } = before;
  return Array.isArray(pids) ? pids.filter((pid) => typeof pid === "number") : [];
}

function kernelFinding(bootId: string, release: string): Finding {
  const reason = `The running kernel is ${release}. Only a reboot changes that.`;
  return {
    id: `kernel:${bootId}`,
    verdict: "replaced",
    kind: "kernel",
    process: null,
    owner: { kind: "kernel", manager: null, name: "kernel" },
    files: [],
    remedy: { kind: "reboot", target: "host", automatic: false, reason },
  };
}
