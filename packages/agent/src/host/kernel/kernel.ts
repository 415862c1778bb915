import type { KernelFacts, LivePatch, RebootFlag } from "@afterpatch/core/kernel/facts";
import { parseDpkgStatus } from "@afterpatch/core/packages/dpkg-status";
import { textOfBytes } from "@afterpatch/core/text";
import { imagesOf } from "./images.ts";
import { exists, type Files, filesOf, isMountPoint, namesIn, textOf } from "./files.ts";
import { loaderOf } from "./loader.ts";
import { microcodeOf } from "./microcode.ts";

/** Everything that tells whether this machine runs the kernel and the microcode that it would start next. Reads only. */
export function readKernel(root = ""): KernelFacts {
  const files = filesOf(root);
  // These say nothing about what is missing: a kernel may have none of them.
  const aside = filesOf(root);
  const container = containerMark(aside);
  const facts = {
    build: lineOf(aside, "/proc/sys/kernel/version"),
    banner: lineOf(aside, "/proc/version"),
    signature: lineOf(aside, "/proc/version_signature"),
    container,
    packages: packagesOf(files),
    modules: modulesOf(files),
    livePatches: livePatchesOf(aside),
    flags: flagsOf(aside),
  };
  if (container !== null) {
    const loader = { grub: null, entries: null, legacy: null, variables: null };
    const microcode = { kind: "skipped", why: "it is a container" } as const;
    return { ...facts, images: [], loader, microcode, unreadable: files.unreadable };
  }
  noteUnmounted(files);
  const loader = loaderOf(files);
  const images = imagesOf(files, loader);
  return { ...facts, images, loader, microcode: microcodeOf(aside, loader), unreadable: files.unreadable };
}

const MARKS = ["/run/systemd/container", "/run/.containerenv", "/.dockerenv"];

function containerMark(files: Files): string | null {
  const mark = MARKS.find((path) => exists(files, path));
  if (mark !== undefined) return mark;
  const isNamed = (textOf(files, "/proc/1/environ", 1024 * 1024) ?? "")
    .split("\0")
    .some((entry) => entry.startsWith("container="));
  return isNamed ? "container= in the environment of PID 1" : null;
}

function lineOf(files: Files, path: string): string | null {
  const line = textOf(files, path, 4096)?.trim();
  return line ? textOfBytes(line) : null;
}

/** dpkg's packages of kernels; null without its database. */
function packagesOf(files: Files): KernelFacts["packages"] {
  const status = textOf(files, "/var/lib/dpkg/status", 256 * 1024 * 1024);
  if (status === null) return null;
  const names = new Set(
    [...status.matchAll(/^Package: (linux-image-[^\n]{1,200})$/gm)].map(([, name = ""]) => name.trim()),
  );
  return parseDpkgStatus(status, names).flatMap(({ name, version }) => (version === null ? [] : [{ name, version }]));
}

const MOST_FOLDERS = 200;

/** Releases whose modules are there: what an uninstalled kernel leaves behind (dkms, caches) does not count. */
function modulesOf(files: Files): readonly string[] | null {
  const before = files.unreadable.length;
  const names = namesIn(files, "/lib/modules", MOST_FOLDERS);
  if (names === null) return files.unreadable.length > before ? null : [];
  return names
    .filter(
      (name) => exists(files, `/lib/modules/${name}/kernel`) || exists(files, `/lib/modules/${name}/modules.order`),
    )
    .map(textOfBytes);
}

/** Null without sysfs; a kernel that cannot be live-patched has no such folder in it. */
function livePatchesOf(files: Files): readonly LivePatch[] | null {
  const folder = "/sys/kernel/livepatch";
  const names = namesIn(files, folder);
  if (names === null) return exists(files, "/sys/kernel") && !exists(files, folder) ? [] : null;
  return names.map((name) => ({
    name: textOfBytes(name),
    enabled: lineOf(files, `${folder}/${name}/enabled`) === "1",
    transition: lineOf(files, `${folder}/${name}/transition`) === "1",
  }));
}

/** Debian's and Ubuntu's flag, and SUSE's. */
function flagsOf(files: Files): readonly RebootFlag[] {
  return ["/run/reboot-required", "/run/reboot-needed"]
    .filter((path) => exists(files, path))
    .map((path) => {
      const lines = (textOf(files, `${path}.pkgs`) ?? "")
        .split("\n")
        .map((line) => textOfBytes(line.trim().slice(0, 128)));
      return { path, packages: [...new Set(lines)].filter((line) => line !== "").slice(0, 200) };
    });
}

/** A /boot of its own that is not mounted looks like one without kernels. */
function noteUnmounted(files: Files): void {
  const table = textOf(files, "/etc/fstab", 1024 * 1024) ?? "";
  if (/^[^#\s]\S*\s+\/boot\/?\s/m.test(table) && !isMountPoint(files, "/boot")) {
    files.unreadable.push({ path: "/boot", why: "not mounted" });
  }
}
