import type { Finding, OwnerKind } from "../scan.ts";
import { someOf } from "../text.ts";
import { type KernelOfScan, kernelDoubt } from "./reboot.ts";

/** Why a step is taken, of the findings with its remedy: "2 processes run old code of /usr/lib/libssl.so.3. ..." */
export function because(group: readonly [Finding, ...Finding[]]): string {
  const [{ remedy }] = group;
  return `${whatIsOld(group) ?? `${remedy.target} runs old code.`} ${remedy.reason}`;
}

/** Null of the kernel and of microcode: their reasons say it themselves. */
function whatIsOld(group: readonly Finding[]): string | null {
  if (group.every(({ process }) => process === null)) return null;
  const old = group.flatMap(({ files }) => files.filter(isKnownOld));
  const [path, ...others] = new Set(old.map((file) => file.path));
  const who = group.length === 1 ? "1 process runs" : `${group.length} processes run`;
  const more =
    others.length === 0 ? "" : others.length === 1 ? " and 1 other file" : ` and ${others.length} other files`;
  return `${who} old code${path === undefined ? "" : ` of ${path}${more}`}.`;
}

/** Why a host is rebooted, and what else that does to it. `required`: findings that the tool itself asks a reboot for. */
export function becauseOfReboot(
  replaced: readonly Finding[],
  required: readonly Finding[],
  kernel: KernelOfScan,
): string {
  // What is old, and no reason for the tool to reboot by itself, says why not.
  const isAsking = (finding: Finding) => finding.remedy.kind === "reboot" && isKnownOld(finding);
  const asking = required.length > 0 ? required : replaced.filter(isAsking);
  const others = replaced.filter((finding) => !asking.includes(finding));
  const kept = namesOf(others.filter(({ owner }) => COMES_BACK[owner.kind]));
  const ended = namesOf(others.filter(({ owner }) => !COMES_BACK[owner.kind]));
  return [
    required.length > 0 ? null : "Ordered by a person.",
    ...[...Map.groupBy(asking, ({ remedy }) => remedy.reason)].flatMap(([reason, group]) => [whatIsOld(group), reason]),
    asking.length > 0 ? null : kernelDoubt(kernel),
    kept === "" ? null : `It replaces ${kept} as well: nothing of it is restarted before.`,
    ended === "" ? null : `It ends ${ended}: what nothing starts at boot is for its owner to launch again.`,
  ]
    .filter((sentence) => sentence !== null)
    .join(" ");
}

/** Is it there again after a boot, whatever the host is? */
const COMES_BACK: Record<OwnerKind, boolean> = {
  service: true,
  init: true,
  kernel: true,
  "xinetd-session": false,
  "socket-session": false,
  application: false,
  "user-session": false,
  container: false,
  "virtual-machine": false,
};

function isKnownOld({ verdict }: Pick<Finding, "verdict">): boolean {
  return verdict !== "unknown" && verdict !== "identical";
}

function namesOf(findings: readonly Finding[]): string {
  return someOf([...new Set(findings.map(({ owner }) => owner.name))]);
}
