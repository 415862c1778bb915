import { packageRelease } from "./expected.ts";
import type { KernelFacts, KernelImage } from "./facts.ts";
import { isSameBuild } from "./image.ts";
import { isUniqueBuild } from "./release.ts";

/** Whether the installed kernel of the running release is the very build that runs. */
export type Build =
  | { readonly kind: "same" }
  | { readonly kind: "other"; readonly running: string; readonly installed: string }
  | { readonly kind: "unknown"; readonly why: string };

/** By the image's own header, then by the package's version in the kernel's banner, then by a name that is never used twice. */
export function compareBuilds(facts: KernelFacts, release: string, image: KernelImage | null): Build {
  const { build } = facts;
  if (image?.version && build !== null) {
    if (isSameBuild(image.version, release, build)) return { kind: "same" };
    return { kind: "other", running: build, installed: image.version.slice(image.version.indexOf(") #") + 2) };
  }
  const running = runningPackage(facts);
  const installed = installedPackage(facts, release)?.version;
  if (running !== null && installed !== undefined) {
    return running === installed ? { kind: "same" } : { kind: "other", running, installed };
  }
  if (isUniqueBuild(release)) return { kind: "same" };
  const first = facts.unreadable[0];
  return {
    kind: "unknown",
    why: first ? `${first.path} could not be read: ${first.why}` : "its image does not say which build it is",
  };
}

/** Version of the package that the running kernel came from, as its own banner says; null where it says none. */
export function runningPackage({ banner, signature }: Pick<KernelFacts, "banner" | "signature">): string | null {
  const debian = / Debian ([0-9][\w.+~:-]*)(?: \([0-9-]+\))?\s*$/.exec(banner ?? "")?.[1];
  if (debian !== undefined) return debian;
  // `Ubuntu 5.15.0-100.110-generic 5.15.143`
  const [, ubuntu] = /^Ubuntu ([0-9][\w.+~:-]*)-[a-z][\w-]* [0-9]/.exec(signature ?? "") ?? [];
  return ubuntu ?? null;
}

/** The dpkg package of a release. */
export function installedPackage(
  { packages }: Pick<KernelFacts, "packages">,
  release: string,
): { readonly name: string; readonly version: string } | undefined {
  return packages?.find(({ name }) => packageRelease(name) === release);
}
