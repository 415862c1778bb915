import { reportOf } from "@afterpatch/agent/session/report";
import type { Scan } from "@afterpatch/core/scan";
import type { PermitUpdate, ProgressState, ScanReport } from "@afterpatch/core/session";
import { fakeClock } from "./clock.ts";
import { kernelFinding } from "./finding.ts";
import { type FakeHostOptions, fakeHost } from "./machine.ts";
import { NEW_KERNEL, OLD_KERNEL } from "./rollout.ts";

/** The report of a host in this condition. */
export async function reportFrom(options: FakeHostOptions): Promise<ScanReport> {
  return reportOf(await fakeHost(options, fakeClock()).machine().scan(new AbortController().signal));
}

/** The same, in this boot and with this kernel. */
export async function bootedReport(
  options: FakeHostOptions,
  bootId: string,
  kernel: Partial<Scan["host"]["kernel"]>,
): Promise<ScanReport> {
  const scan = await fakeHost(options, fakeClock()).machine().scan(new AbortController().signal);
  return reportOf({ ...scan, host: { ...scan.host, bootId, kernel: { ...scan.host.kernel, ...kernel } } });
}

/** The report of a host whose units with these names run old code, and its kernel. */
export async function oldKernel(bootId: string, ...units: readonly string[]): Promise<ScanReport> {
  const old = { units: units.map((name) => ({ name, isOld: true })) };
  const scan = await fakeHost(old, fakeClock()).machine().scan(new AbortController().signal);
  const kernel = { running: OLD_KERNEL, expected: NEW_KERNEL, verdict: "outdated" } as const;
  const findings = [...scan.findings, kernelFinding(NEW_KERNEL)];
  return reportOf({ ...scan, host: { ...scan.host, bootId, kernel }, findings });
}

/** The report of a host whose units with these names run old code. */
export function oldUnits(...names: readonly string[]): Promise<ScanReport> {
  return reportFrom({ units: names.map((name) => ({ name, isOld: true })) });
}

type Finished = Extract<PermitUpdate, { state: "finished" }>;

/** A permit that a host says it has carried out, with this proof. */
export function verified(permitId: string, proof: ScanReport | null, residue: readonly string[] = []): Finished {
  const outcome = { result: "verified", code: "", message: "", residue, proof } as const;
  return { permitId, state: "finished", steps: [], outcome };
}

/** A permit that ended otherwise. */
export function notDone(permitId: string, result: "failed" | "refused" | "stale", code: string): Finished {
  return {
    permitId,
    state: "finished",
    steps: [],
    outcome: { result, code, message: "why", residue: [], proof: null },
  };
}

export function underWay(permitId: string, state: ProgressState = "acting"): PermitUpdate {
  return { permitId, state, steps: [] };
}
