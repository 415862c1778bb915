import { compareDpkgVersions } from "../packages/dpkg-version.ts";
import { compareRpmVersions } from "../packages/rpm-version.ts";
import { bootsNext } from "./boots-next.ts";
import type { KernelFacts, KernelImage } from "./facts.ts";
import { releaseOf } from "./image.ts";
import type { NextBoot } from "./next-boot.ts";
import { splitRelease } from "./release.ts";

/** The kernels of a host: which are installed, which is the newest like the running one, which would start next. */
export interface Kernels {
  /** Installed, by release. */
  readonly installed: ReadonlyMap<string, readonly KernelImage[]>;
  /** Newest installed of the running kernel's flavour. */
  readonly newest: string | null;
  readonly next: NextBoot;
  /** Release that starts next, and its image where that is here. Null when the loader's choice could not be told. */
  readonly expected: { readonly release: string; readonly image: KernelImage | null } | null;
  /** Below 0 where `a` is older, by the package manager's own order. */
  readonly order: (a: string, b: string) => number;
}

export function kernelsOf(facts: KernelFacts, running: string): Kernels {
  const installed = installedOf(facts);
  const order: Kernels["order"] = (a, b) =>
    (facts.packages === null ? compareRpmVersions : compareDpkgVersions)(
      splitRelease(a).version,
      splitRelease(b).version,
    );
  const { flavour } = splitRelease(running);
  const alike = [...installed.keys()].filter((release) => splitRelease(release).flavour === flavour);
  const next = bootsNext(facts.loader);
  return { installed, newest: alike.sort(order).at(-1) ?? null, next, expected: expectedOf(next, facts), order };
}

/** Every kernel that could be started: an image, or a dpkg package that installs one. */
function installedOf({ images, packages }: KernelFacts): ReadonlyMap<string, readonly KernelImage[]> {
  const installed = new Map<string, KernelImage[]>();
  // A link such as /boot/vmlinuz last: the file it leads to is the better name.
  for (const image of images.toSorted((a, b) => Number(a.target !== null) - Number(b.target !== null))) {
    const release = imageRelease(image);
    if (release !== null && !isRescue(image.path)) installed.set(release, [...(installed.get(release) ?? []), image]);
  }
  for (const { name } of packages ?? []) {
    const release = packageRelease(name);
    if (release !== null && !installed.has(release)) installed.set(release, []);
  }
  return installed;
}

/** `linux-image-6.1.0-56-amd64` but not `linux-image-amd64`, which only follows the newest. */
export function packageRelease(name: string): string | null {
  const release = /^linux-image-(?:unsigned-)?([0-9].*)$/.exec(name)?.[1];
  return release === undefined ||
    /-(?:dbg|dbgsym)$/.test(release) ||
    !/^[0-9]+\.[0-9]+.*[-+]/.test(release) ||
    isSeries(release)
    ? null
    : release;
}

/** `6.12-cloud-amd64` follows a series, as `linux-image-6.12-cloud-amd64` of Debian's backports does. */
function isSeries(release: string): boolean {
  return /^[0-9]+\.[0-9]+-[a-z]/.test(release);
}

export function imageRelease({ path, target, version }: KernelImage): string | null {
  if (version !== null) return releaseOf(version);
  return pathRelease(path) ?? (target === null ? null : pathRelease(target));
}

/** The release that a path names: /boot/vmlinuz-RELEASE, modules/RELEASE/vmlinuz, TOKEN/RELEASE/linux of kernel-install(8). */
function pathRelease(path: string): string | null {
  const [, folder] = /\/modules\/([^/]+)\/vmlinu[xz]$/.exec(path) ?? [];
  if (folder !== undefined) return folder;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const named = /^(?:vmlinu[xz]|[bz]?[Ii]mage|kernel)-([0-9].*)$/.exec(name)?.[1];
  if (named !== undefined) return named.replace(/\.(?:gz|efi|signed|old)$/, "");
  return /\/([0-9]+\.[0-9][^/]*)\/linux$/.exec(path)?.[1] ?? null;
}

function isRescue(path: string): boolean {
  return /[-/]0-rescue-/.test(path);
}

function expectedOf(next: NextBoot, { images }: KernelFacts): Kernels["expected"] {
  if (next.kind === "unknown") return null;
  const image = imageOf(next.linux, images);
  // The image itself knows best; an entry's words and names are only what somebody wrote.
  const release =
    (image?.version ? releaseOf(image.version) : null) ??
    pathRelease(next.linux) ??
    next.release ??
    (image && imageRelease(image));
  return release === null || release === undefined ? null : { release, image };
}

/** The image a loader's path means: its partition may be mounted anywhere, so the end of the path has to do. */
function imageOf(linux: string, images: readonly KernelImage[]): KernelImage | null {
  const named = images.find(({ path }) => path === linux) ?? images.find(({ path }) => path === `/boot${linux}`);
  if (named) return named;
  // `/@/boot/vmlinuz-...` where the loader sees the top of a btrfs volume.
  const ends = images.filter(({ path }) => path.endsWith(linux) || linux.endsWith(path));
  return ends.length === 1 ? (ends[0] ?? null) : null;
}
