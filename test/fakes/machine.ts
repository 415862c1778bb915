import { StepError } from "@afterpatch/agent/effects/error";
import type { Clock, Evidence, Machine, Performed } from "@afterpatch/agent/ports";
import type { StepRef } from "@afterpatch/core/rollout/types";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { SCAN_SCHEMA } from "@afterpatch/core/scan";
import { type FakeProcess, findingOf } from "./finding.ts";

export interface FakeUnit {
  readonly name: string;
  readonly isOld: boolean;
  /** What a restart leads to; `fine` unless said otherwise. */
  readonly restart?: "fine" | "stays-old" | "fails-at-once" | "fails-later" | "refused";
  /** Units that are restarted along with this one. */
  readonly takesAlong?: readonly string[];
}

export interface FakeHostOptions {
  readonly name?: string;
  readonly units?: readonly FakeUnit[];
  /** Services of a super-server with the number of their old and new sessions. */
  readonly services?: readonly { readonly name: string; readonly old: number; readonly fresh: number }[];
  readonly isInitOld?: boolean;
  /** Names of applications that run old code and that nothing automatic may touch. */
  readonly residue?: readonly string[];
}

/** The agent process dies: what `perform` throws where a test told it to. No step of an order may swallow it. */
export class FakeCrash extends Error {
  override readonly name = "FakeCrash";
}

/** A host that outlives its agent. */
export interface FakeHost {
  /** Effects in the order in which they truly happened, as `KIND:TARGET`. */
  readonly effects: readonly string[];
  /** The host as one process of the agent sees and changes it. */
  machine(crash?: { readonly effect: number; readonly when: "before" | "after" }): Machine;
  /** A package upgrade: these units run old code from now on. */
  upgrade(...units: string[]): void;
  reboot(): void;
  setBusy(why: string | null): void;
  setScanFailure(why: string | null): void;
  isActive(unit: string): boolean;
  /** Sessions that are still open. */
  sessions(service: string): { readonly old: number; readonly fresh: number };
}

interface Unit extends FakeUnit {
  process: FakeProcess;
  invocation: number;
  failsAt: number | null;
  isRunning: boolean;
}

export function fakeHost(options: FakeHostOptions, clock: Clock): FakeHost {
  const effects: string[] = [];
  let boot = 1;
  let nextPid = 100;
  let busy: string | null = null;
  let scanFailure: string | null = null;
  const spawn = (isOld: boolean): FakeProcess => ({ pid: nextPid++, startTicks: nextPid * 10, isOld });
  const units = new Map(
    (options.units ?? []).map((unit): [string, Unit] => [
      unit.name,
      { ...unit, process: spawn(unit.isOld), invocation: 1, failsAt: null, isRunning: true },
    ]),
  );
  const services = new Map(
    (options.services ?? []).map(({ name, old, fresh }) => [
      name,
      [...Array.from({ length: old }, () => spawn(true)), ...Array.from({ length: fresh }, () => spawn(false))],
    ]),
  );
  const residue = (options.residue ?? []).map((name) => ({ name, process: spawn(true) }));
  let init = { process: { pid: 1, startTicks: 1, isOld: options.isInitOld ?? false }, image: 1 };

  function unitOf(name: string): Unit {
    const unit = units.get(name);
    if (!unit) throw new StepError("not-found", `${name} does not exist`);
    if (unit.failsAt !== null && clock.sinceBootMs() >= unit.failsAt) unit.isRunning = false;
    return unit;
  }

  function restart(unit: Unit): void {
    unit.invocation += 1;
    unit.process = spawn(unit.restart === "stays-old");
    unit.isRunning = unit.restart !== "fails-at-once";
    unit.failsAt = unit.restart === "fails-later" ? clock.sinceBootMs() + 4000 : null;
    for (const name of unit.takesAlong ?? []) restart(unitOf(name));
  }

  function findings(): readonly Finding[] {
    const found: Finding[] = [];
    for (const [name, sessions] of services)
      for (const process of sessions)
        if (process.isOld)
          found.push(findingOf("xinetd-session", name, process, { kind: "end-session", target: name }));
    for (const { name } of units.values()) {
      const { isRunning, process } = unitOf(name);
      if (isRunning && process.isOld)
        found.push(findingOf("service", name, process, { kind: "restart-service", target: name }));
    }
    if (init.process.isOld) found.push(findingOf("init", "systemd", init.process, { kind: "reexec", target: "init" }));
    for (const { name, process } of residue)
      found.push(findingOf("application", name, process, { kind: "none", target: name }));
    return found;
  }

  function evidence(step: StepRef): Evidence {
    switch (step.kind) {
      case "restart-service": {
        const unit = unitOf(step.target);
        return { boot, invocation: unit.invocation };
      }
      case "end-session":
        return { boot, pids: (services.get(step.target) ?? []).filter(({ isOld }) => isOld).map(({ pid }) => pid) };
      default:
        return { boot, image: init.image };
    }
  }

  function apply(step: StepRef, before: Evidence): Performed {
    if (step.kind === "restart-service") {
      const unit = unitOf(step.target);
      if (unit.restart === "refused") return { outcome: "vetoed", detail: `${unit.name} refuses to be restarted` };
      effects.push(`${step.kind}:${step.target}`);
      restart(unit);
      if (!unit.isRunning) return { outcome: "failed", detail: `${unit.name} did not start` };
      return { outcome: "done", detail: `${unit.name} restarted` };
    }
    effects.push(`${step.kind}:${step.target}`);
    if (step.kind === "reexec") init = { process: { ...init.process, isOld: false }, image: init.image + 1 };
    else {
      const ended = new Set(pidsOf(before));
      services.set(
        step.target,
        (services.get(step.target) ?? []).filter(({ pid }) => !ended.has(pid)),
      );
    }
    return { outcome: "done", detail: `${step.kind} of ${step.target}` };
  }

  function happened(step: StepRef, before: Evidence): boolean {
    if (step.kind === "end-session") {
      const alive = new Set((services.get(step.target) ?? []).map(({ pid }) => pid));
      return pidsOf(before).every((pid) => !alive.has(pid));
    }
    return JSON.stringify(evidence(step)) !== JSON.stringify(before);
  }

  function machine(crash?: { readonly effect: number; readonly when: "before" | "after" }): Machine {
    let performed = 0;
    return {
      bootId: () => `boot-${boot}`,
      async scan() {
        if (scanFailure !== null) throw new StepError("scan-failed", scanFailure);
        return scanOf(options.name ?? "web01", `boot-${boot}`, clock.now(), findings());
      },
      busy: async () => busy,
      evidence: async (step) => evidence(step),
      async perform(step, before) {
        performed += 1;
        const dies = crash?.effect === performed;
        if (dies && crash?.when === "before") throw new FakeCrash(`before effect ${performed}`);
        const result = apply(step, before);
        if (dies) throw new FakeCrash(`after effect ${performed}`);
        return result;
      },
      happened: async (step, before) => (happened(step, before) ? "yes" : "no"),
      async settled(step, before) {
        if (!happened(step, before)) return `${step.target} is as it was`;
        if (step.kind !== "restart-service" || unitOf(step.target).isRunning) return null;
        return `${step.target} is failed`;
      },
    };
  }

  return {
    effects,
    machine,
    upgrade(...names) {
      for (const name of names) unitOf(name).process = { ...unitOf(name).process, isOld: true };
    },
    reboot() {
      boot += 1;
      init = { process: { ...init.process, isOld: false }, image: init.image + 1 };
      for (const unit of units.values()) {
        unit.invocation = 1;
        unit.process = spawn(unit.restart === "stays-old");
      }
      for (const name of services.keys()) services.set(name, []);
    },
    setBusy(why) {
      busy = why;
    },
    setScanFailure(why) {
      scanFailure = why;
    },
    isActive: (name) => unitOf(name).isRunning,
    sessions(service) {
      const open = services.get(service) ?? [];
      const old = open.filter(({ isOld }) => isOld).length;
      return { old, fresh: open.length - old };
    },
  };
}

function pidsOf(before: Evidence): readonly number[] {
  const { pids } = before;
  return Array.isArray(pids) ? pids.filter((pid) => typeof pid === "number") : [];
}

function scanOf(name: string, bootId: string, startedAt: number, findings: readonly Finding[]): Scan {
  return {
    schema: SCAN_SCHEMA,
    host: {
      id: null,
      name,
      bootId,
      os: "debian 12",
      kernel: { running: "6.1.0-1-amd64", expected: "6.1.0-1-amd64", verdict: "current" },
    },
    startedAt,
    elapsedMs: 500,
    processes: { seen: 50, scanned: 50, vanished: 0, unreadable: 0 },
    findings,
    unreadable: [],
    reboot: { required: false, reasons: [] },
  };
}
