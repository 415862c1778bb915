import type { RebootMethod } from "@afterpatch/core/plan/reboot";
import { someOf, visible } from "@afterpatch/core/text";
import { portsMissing } from "../effects/service/ports.ts";
import type { Booted } from "../journal/operations.ts";
import type { HostState, RebootEvidence } from "../ports.ts";

/** Why a host that is back is not what it should be: a code of `PermitOutcome`, and what was seen. */
export interface Wrong {
  readonly code: "second-boot" | "wrong-kernel" | "units-failed" | "step-failed";
  readonly why: string;
  /** It may still become right: services come up one after the other. */
  readonly mayPass?: true;
}

const SHOWN = 10;

/** The host after its reboot against what it was before; null: it is back as it should be. */
export function wrongWith(now: HostState, before: RebootEvidence, booted: BootOf, method: RebootMethod): Wrong | null {
  const again = secondBoot(now, booted);
  if (again) return again;
  const kernel = wrongKernel(now, before, method);
  if (kernel !== null) return { code: "wrong-kernel", why: kernel };
  const failed = (now.failedUnits ?? []).filter((unit) => !(before.failedUnits ?? []).includes(unit));
  if (failed.length > 0) {
    return { code: "units-failed", why: `${someOf(failed.map(visible), SHOWN)} failed since` };
  }
  // Programs of people's sessions and dynamic ports come and go; what served a fixed port is expected to.
  const missing = portsMissing(before.ports, now.ports).filter((port) => !port.endsWith(" dynamic"));
  if (missing.length === 0) return null;
  return {
    code: "units-failed",
    why: `nobody listens on ${someOf(missing, SHOWN)} any more, as somebody did before`,
    mayPass: true,
  };
}

export type BootOf = Pick<Booted, "bootId" | "softReboots">;

/** The host went down once more since it was seen to be back. */
export function secondBoot(now: BootOf, booted: BootOf): Wrong | null {
  if (now.bootId === booted.bootId && now.softReboots === booted.softReboots) return null;
  return { code: "second-boot", why: `it went down once more after it was back (boot ${visible(now.bootId)})` };
}

function wrongKernel(now: HostState, before: RebootEvidence, method: RebootMethod): string | null {
  // The kernel goes on running, whatever would start next.
  const expected = method === "soft-reboot" ? null : before.expected;
  if (now.release !== (expected ?? before.release)) {
    const wanted = expected === null ? `${visible(before.release)}, which ran before` : visible(expected);
    return `it came up with kernel ${visible(now.release)} instead of ${wanted}`;
  }
  const isSame = method !== "soft-reboot" && before.isRebuilt && now.build === before.build;
  return isSame ? `it came up with the same build of kernel ${visible(now.release)} as before` : null;
}
