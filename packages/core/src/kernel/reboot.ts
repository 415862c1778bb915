import type { HostFacts } from "../facts.ts";
import { restartRule } from "../plan/never.ts";
import type { Finding, Scan } from "../scan.ts";
import { visible } from "../text.ts";
import type { KernelFacts, RebootFlag } from "./facts.ts";
import type { KernelPart } from "./findings.ts";

/** Whether this machine has to be started again, and every reason for it. Null where that is not known. */
export function rebootOf(
  facts: KernelFacts,
  host: HostFacts,
  { judged }: KernelPart,
  findings: readonly Finding[],
): Scan["reboot"] {
  const reasons = [
    ...judged.kernel.reasons,
    ...judged.microcode.reasons,
    ...findings.flatMap((finding) => (isKnownOld(finding) ? (whyUnreplaceable(finding) ?? []) : [])),
    ...facts.flags.map(asked),
  ].map(visible);
  // Nobody reboots a container to replace a kernel, whatever lies in its /run.
  if (facts.container !== null) return { required: null, reasons };
  return { required: reasons.length > 0 ? true : isSure(host, judged, findings) ? false : null, reasons };
}

function isKnownOld({ verdict }: Finding): boolean {
  return verdict !== "unknown" && verdict !== "identical";
}

/** Why nothing smaller replaces it, for what nothing smaller replaces; kernel and microcode have reasons of their own. */
function whyUnreplaceable({ owner, remedy }: Finding): string | null {
  if (remedy.kind !== "reboot" || owner.kind === "kernel") return null;
  if (owner.kind === "init") return `PID 1 (${owner.name}) runs old code and cannot replace itself.`;
  return restartRule(owner.name)?.policy === "reboot"
    ? `${owner.name} runs old code and is never restarted: every client would lose the message bus.`
    : `${owner.name} runs old code, and nothing smaller than a reboot replaces it.`;
}

/** The distribution's own flag: evidence where it is, and nothing where it is not. */
function asked({ path, packages }: RebootFlag): string {
  const [first, ...more] = [...new Set(packages)].slice(0, 20);
  return first === undefined
    ? `${path} asks for it.`
    : `${path} asks for it, because of ${[first, ...more].join(", ")}.`;
}

function isSure(
  { unreadable }: HostFacts,
  { kernel, microcode }: KernelPart["judged"],
  findings: readonly Finding[],
): boolean {
  const isDoubtful = findings.some(
    ({ owner, remedy, verdict }) => verdict === "unknown" && (owner.kind === "init" || remedy.kind === "reboot"),
  );
  return kernel.verdict === "current" && !microcode.isOpen && !isDoubtful && !unreadable.some(({ pid }) => pid === 1);
}
