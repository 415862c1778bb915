import { strongest } from "@afterpatch/core/detect/verdict";
import type { Residue } from "@afterpatch/core/plan/types";
import type { Finding, Owner, Remedy, Scan, Verdict } from "@afterpatch/core/scan";
import { visible } from "@afterpatch/core/text";
import { plural } from "./words.ts";

/** Findings of one owner: what is relaunched together. */
export interface OwnerGroup {
  readonly owner: Owner;
  readonly first: Finding;
  readonly findings: readonly Finding[];
  readonly verdict: Verdict;
}

/** In the order of the scan. */
export function ownerGroups(findings: readonly Finding[]): readonly OwnerGroup[] {
  const groups = Map.groupBy(findings, ({ owner }) => JSON.stringify([owner.kind, owner.manager, owner.name]));
  return [...groups.values()].flatMap((members) => {
    const [first] = members;
    return first
      ? [{ owner: first.owner, first, findings: members, verdict: strongest(members.map(({ verdict }) => verdict)) }]
      : [];
  });
}

/** `ssh.service`, or with what kind of thing it is where its name does not tell. */
export function ownerName({ kind, manager, name }: Owner): string {
  switch (kind) {
    case "service":
      return name;
    case "init":
      return `${name} (PID 1)`;
    case "xinetd-session":
      return `${name} (${manager ?? "session"})`;
    case "application":
    case "container":
    case "kernel":
    case "socket-session":
    case "user-session":
    case "virtual-machine":
      return `${name} (${kind})`;
  }
}

/** `restart-service ssh.service`; a re-execution and a reboot have no target but their owner. */
export function actionWords({ kind, target }: Pick<Remedy, "kind" | "target">): string {
  return kind === "reboot" || kind === "reexec" ? kind : `${kind} ${target}`;
}

/** Why nothing is done on its own; of what is done on request, the command too. */
export function reasonWithCommand({ kind, target, onRequest, reason }: Remedy): string {
  const option = kind === "restart-service" ? "--unit" : kind === "end-session" ? "--service" : null;
  if (onRequest !== true || option === null) return reason;
  const name = /^[\w@.:/-]+$/.test(target) ? target : `"${visible(target)}"`;
  return `${reason} 'sudo afterpatch-agent apply ${option} ${name}' does it.`;
}

/** One line of what a plan leaves. `all`: the findings that it was made of. */
export function residueLine({ owner, findings, reason }: Residue, all: readonly Finding[]): string {
  const asked = all.find(({ id, remedy }) => remedy.onRequest === true && findings.includes(id));
  const said = asked === undefined ? reason : reasonWithCommand({ ...asked.remedy, reason });
  // The kernel and its microcode are no processes.
  const isCounted = owner !== "kernel" && owner !== "microcode";
  return `  ${visible(owner)}${isCounted ? ` (${plural(findings.length, "process", "processes")})` : ""}: ${said}`;
}

/** Known to run old code; the rest is not known, and never fine. */
export function isOld({ verdict }: { readonly verdict: Verdict }): boolean {
  return verdict !== "unknown" && verdict !== "identical";
}

/** Whether the kernel that would boot next could not be told, and nothing says that no reboot is needed. */
export function isKernelUnknown({ host, reboot }: Pick<Scan, "host" | "reboot">): boolean {
  return host.kernel.verdict === "unknown" && reboot.required !== false;
}
