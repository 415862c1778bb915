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
  const names = (lot: Lot) =>
    someOf([...new Set(others.filter(({ owner }) => LOTS[owner.kind] === lot).map(({ owner }) => owner.name))]);
  const [back, sessions, gone] = [names("comes-back"), names("session"), names("gone")];
  return [
    required.length > 0 ? null : "Ordered by a person.",
    ...[...Map.groupBy(asking, ({ remedy }) => remedy.reason)].flatMap(([reason, group]) => [whatIsOld(group), reason]),
    asking.length > 0 ? null : kernelDoubt(kernel),
    back === "" ? null : `It replaces ${back} as well: nothing of it is restarted before.`,
    sessions === "" ? null : `It ends open sessions: ${sessions}.`,
    gone === "" ? null : `It ends ${gone}: what nothing starts at boot is for its owner to launch again.`,
  ]
    .filter((sentence) => sentence !== null)
    .join(" ");
}

/** What a reboot makes of it: whether it is there again after the boot, whatever the host is. */
type Lot = "comes-back" | "session" | "gone";
const LOTS: Record<OwnerKind, Lot> = {
  service: "comes-back",
  init: "comes-back",
  kernel: "comes-back",
  "xinetd-session": "session",
  "socket-session": "session",
  "user-session": "session",
  application: "gone",
  container: "gone",
  "virtual-machine": "gone",
};

function isKnownOld({ verdict }: Pick<Finding, "verdict">): boolean {
  return verdict !== "unknown" && verdict !== "identical";
}
