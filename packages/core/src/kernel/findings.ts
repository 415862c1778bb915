import type { HostFacts } from "../facts.ts";
import { REBOOT } from "../plan/reboot.ts";
import type { Sha256 } from "../plan/types.ts";
import type { Finding, FoundPackage, Owner, Remedy, Scan } from "../scan.ts";
import { visible } from "../text.ts";
import { installedPackage, runningPackage } from "./build.ts";
import type { KernelFacts, LivePatch } from "./facts.ts";
import { goneModules, judgeKernel, type KernelJudgement } from "./judge.ts";
import { judgeMicrocode, type MicrocodeJudgement } from "./microcode.ts";

/** What a scan says of kernel and microcode. */
export interface KernelPart {
  readonly kernel: Scan["host"]["kernel"];
  readonly microcode: NonNullable<Scan["host"]["microcode"]>;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly judged: { readonly kernel: KernelJudgement; readonly microcode: MicrocodeJudgement };
}

export function kernelPart(facts: KernelFacts, { host }: HostFacts, sha256: Sha256): KernelPart {
  const kernel = judgeKernel(facts, host.kernel);
  const microcode = judgeMicrocode(facts.microcode);
  const findings = [kernelFinding(kernel, facts, host), microcodeFinding(microcode)].filter((draft) => draft !== null);
  return {
    kernel: {
      running: visible(host.kernel),
      expected: kernel.expected === null ? null : visible(kernel.expected),
      verdict: kernel.verdict,
      livePatches: inForce(facts)?.map(visible) ?? null,
    },
    microcode: { running: microcode.running, offered: microcode.offered, verdict: microcode.verdict },
    findings: findings.map((draft) => ({ ...draft, id: identify(draft, host.bootId, kernel.expected, sha256) })),
    notes: [
      ...kernel.notes,
      ...transitions(facts.livePatches ?? []),
      ...(facts.container === null ? microcode.notes : []),
    ].map(visible),
    judged: { kernel, microcode },
  };
}

function inForce({ livePatches }: KernelFacts): readonly string[] | undefined {
  return livePatches?.filter(({ enabled }) => enabled).map(({ name }) => name);
}

type Draft = Omit<Finding, "id">;

/** A live patch changes neither the verdict nor the remedy: it fixes some functions, and the kernel stays the old one. */
function kernelFinding(judged: KernelJudgement, facts: KernelFacts, host: HostFacts["host"]): Draft | null {
  if (judged.verdict !== "outdated" && !judged.modulesGone) return null;
  const isOld = judged.verdict === "outdated";
  const path =
    (isOld ? judged.image : null) ?? `/lib/modules/${isOld ? (judged.expected ?? host.kernel) : host.kernel}`;
  const patches = inForce(facts) ?? [];
  const patched = patches.length > 0 ? ` It is live-patched (${patches.join(", ")}), so it can wait for a window.` : "";
  if (!isOld && judged.expected === host.kernel) {
    const reason = `${goneModules(host.kernel)} A reboot would start the same kernel without them: install its package again.`;
    return draft("kernel", "removed", path, null, { kind: "none", target: "kernel", automatic: false, reason });
  }
  const remedy = byReboot(judged.reasons, patched);
  if (!isOld || judged.expected === null) return draft("kernel", isOld ? "replaced" : "removed", path, null, remedy);
  return draft("kernel", "replaced", path, packageOf(facts, judged.expected), remedy, facts.cves ?? null);
}

function microcodeFinding({ verdict, path, reasons }: MicrocodeJudgement): Draft | null {
  return verdict === "outdated" && path !== null ? draft("microcode", "replaced", path, null, byReboot(reasons)) : null;
}

/** Whether it is automatic depends on what would come up: `rebootable` says so of all findings. */
function byReboot(reasons: readonly string[], patched = ""): Remedy {
  return { ...REBOOT, automatic: false, reason: `${reasons.join(" ")}${patched} Only a reboot changes that.` };
}

function draft(
  kind: "kernel" | "microcode",
  verdict: Finding["verdict"],
  path: string,
  package_: FoundPackage | null,
  remedy: Remedy,
  cves: readonly string[] | null = null,
): Draft {
  const owner: Owner = { kind: "kernel", manager: null, name: kind };
  const file = {
    path: visible(path),
    kind: "executable",
    verdict,
    buildId: { mapped: null, onDisk: null },
    package: package_,
    cves,
  } as const;
  const shown = { ...remedy, reason: visible(remedy.reason) };
  return { verdict, kind, process: null, owner, files: [file], remedy: shown };
}

/** The package of the kernel that is expected, where it is not the running one, and the version that runs. Null: not known, or none. */
export function kernelUpgrade(facts: KernelFacts, running: string): FoundPackage | null {
  const { verdict, expected } = judgeKernel(facts, running);
  return verdict === "outdated" && expected !== null ? packageOf(facts, expected) : null;
}

function packageOf(facts: KernelFacts, release: string): FoundPackage | null {
  const installed = installedPackage(facts, release);
  if (!installed) return null;
  const from = runningPackage(facts);
  return {
    name: visible(installed.name),
    from: from && visible(from),
    to: visible(installed.version),
    installedAt: null,
  };
}

function identify(
  { owner, kind, verdict, files }: Draft,
  bootId: string,
  expected: string | null,
  sha256: Sha256,
): string {
  const identity = kind === "kernel" ? [bootId, kind, expected] : [bootId, kind];
  return sha256(JSON.stringify([owner, identity, verdict, files.map(({ path }) => path)])).slice(0, 24);
}

function transitions(patches: readonly LivePatch[]): readonly string[] {
  return patches
    .filter(({ transition }) => transition)
    .map(
      ({ name, enabled }) => `The live patch ${name} is still being ${enabled ? "put into" : "taken out of"} force.`,
    );
}
