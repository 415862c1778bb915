import { bareName } from "@afterpatch/core/packages/inventory";
import { fixedIn, hasFix, type VersionOrder } from "@afterpatch/core/cve/changelog";
import type { HostFacts } from "@afterpatch/core/facts";
import { runningPackage } from "@afterpatch/core/kernel/build";
import type { Databases } from "../host/packages/ask.ts";
import { installedChangelogs } from "../host/packages/all-changelogs.ts";

/** A package of this host whose changelog names a CVE. */
export interface Fix {
  readonly package: string;
  /** Installed version; null while it is half installed. */
  readonly version: string | null;
  /** The newest version whose entry names the CVE. */
  readonly fixedIn: string;
  readonly order: VersionOrder;
}

/** Whether what runs has the fix. */
export type HasFix = "present" | "missing" | "unknown";

export interface Fixes {
  readonly fixes: readonly Fix[];
  /** Packages of which no changelog could be read. */
  readonly untold: number;
}

/** Which installed packages fixed `id`, by their own changelogs. Reads all of them. */
export function fixesOnHost(id: string, databases: Databases): Fixes {
  const { found, untold } = installedChangelogs(id, databases);
  const fixes = found.flatMap(({ name, version, changelog }) => {
    const since = fixedIn(changelog, id);
    return since === null ? [] : [{ package: name, version, fixedIn: since, order: changelog.order }];
  });
  return { fixes: fixes.sort((a, b) => (a.package < b.package ? -1 : 1)), untold };
}

/** Whether code of a version of that package has the fix; null is a version that nobody knows. */
export function versionHas(version: string | null, { order, fixedIn: since }: Fix): HasFix {
  if (version === null) return "unknown";
  return hasFix(order, version, since) ? "present" : "missing";
}

/** The fix that is in packages of this name, as a scan shows it. */
export function fixOf(shown: string, fixes: readonly Fix[]): Fix | null {
  return fixes.find((fix) => fix.package === shown || fix.package === bareName(shown)) ?? null;
}

/** Whether the kernel that runs has the fix; null: it is not one of the kernel. */
export function kernelHas({ kernel }: HostFacts, fixes: readonly Fix[]): HasFix | null {
  const fix = fixes.find(({ package: name }) => name.startsWith("linux-image-"));
  if (!fix || !kernel || kernel.container !== null) return null;
  return versionHas(runningPackage(kernel), fix);
}
