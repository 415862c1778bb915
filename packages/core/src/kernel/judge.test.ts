import { expect, test } from "vitest";
import type { KernelFacts } from "./facts.ts";
import { judgeKernel } from "./judge.ts";

// What the cases in test/cases do not show. Each of them begins with a Debian host that runs what starts next.

const OLD = "6.1.0-55-amd64";
const NEW = "6.1.0-56-amd64";
const BUILD = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)";
const VERSION = `${NEW} (debian-kernel@lists.debian.org) ${BUILD}`;

function grub(release: string): KernelFacts["loader"] {
  const config = `menuentry a {\nlinux /boot/vmlinuz-${release} ro\n}\n`;
  return {
    grub: { path: "/boot/grub/grub.cfg", config, environment: null, custom: false },
    entries: null,
    legacy: null,
    variables: null,
  };
}

const CURRENT: KernelFacts = {
  build: BUILD,
  banner: `Linux version ${VERSION}`,
  signature: null,
  container: null,
  images: [
    { path: `/boot/vmlinuz-${OLD}`, target: null, version: null },
    { path: `/boot/vmlinuz-${NEW}`, target: null, version: VERSION },
  ],
  modules: [OLD, NEW],
  packages: [
    { name: `linux-image-${OLD}`, version: "6.1.192-1" },
    { name: `linux-image-${NEW}`, version: "6.1.192-2" },
  ],
  loader: grub(NEW),
  livePatches: [],
  flags: [],
  microcode: { kind: "skipped", why: "it is a virtual machine" },
  unreadable: [],
};

const ONLY_OLD = {
  images: CURRENT.images.slice(0, 1),
  packages: CURRENT.packages?.slice(0, 1) ?? null,
  modules: [OLD],
};
const WITHOUT_HEADERS = { images: CURRENT.images.map((image) => ({ ...image, version: null })) };
const UNREADABLE = [{ path: "/boot", why: "EACCES (permission denied)" }];

test.each<[string, Partial<KernelFacts>, KernelFacts["build"], string]>([
  ["nothing special", {}, NEW, "current"],
  ["an older one runs", {}, OLD, "outdated"],
  ["a newer one was chosen by hand, and is still installed", { loader: grub(OLD) }, NEW, "current"],
  [
    "the running one was taken off the disk, and an older one is left",
    { ...ONLY_OLD, loader: grub(OLD) },
    NEW,
    "outdated",
  ],
  ["rebuilt, by the header", { build: BUILD.replace("192-2", "192-1") }, NEW, "outdated"],
  [
    "rebuilt, without a header, by the package's version",
    { ...WITHOUT_HEADERS, banner: "Linux version x Debian 6.1.192-1 (2026-11-14)" },
    NEW,
    "outdated",
  ],
  ["the same, without a header, by the package's version", WITHOUT_HEADERS, NEW, "current"],
  ["neither header nor package", { ...WITHOUT_HEADERS, packages: null }, NEW, "unknown"],
  ["the loader's image is not there", { loader: grub("6.1.0-57-amd64") }, NEW, "unknown"],
  [
    "the loader's image may be where nobody can look",
    { loader: grub("6.1.0-57-amd64"), unreadable: UNREADABLE },
    NEW,
    "outdated",
  ],
  [
    "/boot cannot be read, and dpkg knows a newer one",
    { images: [], loader: { ...CURRENT.loader, grub: null }, unreadable: UNREADABLE },
    OLD,
    "outdated",
  ],
  [
    "nothing can be read",
    { images: [], packages: null, modules: null, loader: { ...CURRENT.loader, grub: null }, unreadable: UNREADABLE },
    OLD,
    "unknown",
  ],
  ["a kernel from elsewhere", {}, "6.18.44-fc-v509", "unknown"],
  ["another kind that was built here", { modules: ["6.9.0-mine"] }, "6.9.0-mine", "outdated"],
])("%s", (_name, change, running, verdict) => {
  expect(judgeKernel({ ...CURRENT, ...change }, running ?? "").verdict).toBe(verdict);
});

test("a rebuilt kernel of RHEL has another name, so the same name is the same build", () => {
  const release = "5.14.0-427.13.1.el9_4.aarch64";
  const facts = {
    ...CURRENT,
    packages: null,
    modules: [release],
    images: [{ path: `/boot/vmlinuz-${release}`, target: null, version: null }],
    loader: grub(release),
  };
  expect(judgeKernel(facts, release).verdict).toBe("current");
});

test("Ubuntu's signature tells the package", () => {
  const release = "5.15.0-100-generic";
  const facts = {
    ...CURRENT,
    ...{
      banner: "Linux version 5.15.0-100-generic (buildd@lcy02) #110-Ubuntu SMP",
      signature: "Ubuntu 5.15.0-100.110-generic 5.15.143",
    },
    ...{
      modules: [release],
      images: [{ path: `/boot/vmlinuz-${release}`, target: null, version: null }],
      loader: grub(release),
    },
  };
  const installed = (version: string) => [{ name: `linux-image-${release}`, version }];
  expect(judgeKernel({ ...facts, packages: installed("5.15.0-100.110") }, release).verdict).toBe("current");
  expect(judgeKernel({ ...facts, packages: installed("5.15.0-100.111") }, release).verdict).toBe("outdated");
});

const GONE = `The modules of the running kernel ${NEW} are gone from /lib/modules: it cannot load any that it has not loaded yet.`;

test("modules that are gone are told, and are no reason to start the same kernel again", () => {
  const judged = judgeKernel({ ...CURRENT, modules: [OLD] }, NEW);
  expect(judged).toMatchObject({ verdict: "current", modulesGone: true, reasons: [], notes: [GONE] });
});

test("modules that are gone are a reason of their own where another kernel starts next", () => {
  const gone = GONE.replace(NEW, OLD);
  expect(judgeKernel({ ...CURRENT, modules: [NEW] }, OLD)).toMatchObject({
    verdict: "outdated",
    reasons: [`The running kernel is ${OLD}; the boot loader would start ${NEW}.`, gone],
  });
});

const NO_LOADER = { ...CURRENT.loader, grub: null };

// A reboot is decided by the tool only where this is null.
test.each<[string, Partial<KernelFacts>, string, string | null]>([
  ["the running kernel starts next", {}, NEW, null],
  ["a newer one starts next", {}, OLD, null],
  ["it is live-patched", { livePatches: [{ name: "lp1", enabled: true, transition: false }] }, OLD, null],
  ["kernels have no modules here", { modules: [] }, OLD, null],
  ["nobody could look for modules", { modules: null }, OLD, null],
  [
    "a container",
    { container: "/run/systemd/container" },
    OLD,
    "Which kernel a reboot would start is not known: it is a container (/run/systemd/container), and the kernel is its host's.",
  ],
  [
    "no kernel is installed",
    { images: [], packages: [], modules: [], loader: NO_LOADER },
    OLD,
    "Which kernel a reboot would start is not known: no kernel is installed here, so it was started from elsewhere.",
  ],
  [
    "a boot loader that nobody knows: the newest one is a guess",
    { loader: NO_LOADER },
    OLD,
    "Which kernel a reboot would start is not known: no boot loader's configuration could be read.",
  ],
  [
    "a boot loader's configuration that cannot be read",
    { loader: NO_LOADER, unreadable: [{ path: "/boot/grub/grub.cfg", why: "EACCES (permission denied)" }] },
    OLD,
    "Which kernel a reboot would start is not known: no boot loader's configuration could be read (/boot/grub/grub.cfg could not be read: EACCES (permission denied)).",
  ],
  [
    "its image is not there",
    { loader: grub("6.1.0-57-amd64") },
    NEW,
    "The boot loader would start 6.1.0-57-amd64, but its image is not there: a reboot may fail.",
  ],
  [
    "its modules are not there",
    { modules: [OLD] },
    OLD,
    `A reboot would start ${NEW}, whose modules are not in /lib/modules: it might find neither its disks nor its network.`,
  ],
  [
    "it would come up once more, without its modules",
    { modules: [OLD] },
    NEW,
    `A reboot would start ${NEW}, whose modules are not in /lib/modules: it might find neither its disks nor its network.`,
  ],
  [
    "an older one starts next",
    { loader: grub(OLD) },
    NEW,
    `A reboot would start ${OLD}, which is older than the running kernel ${NEW}.`,
  ],
  [
    "an older one starts next, for the running one was taken away",
    { ...ONLY_OLD, loader: grub(OLD) },
    NEW,
    `A reboot would start ${OLD}, which is older than the running kernel ${NEW}, which is not installed any more.`,
  ],
  [
    "one of another kind starts next",
    { modules: [NEW, "6.9.0-mine"] },
    "6.9.0-mine",
    `A reboot would start ${NEW}, a kernel of another kind than the running 6.9.0-mine.`,
  ],
  [
    "nobody knows whether it was rebuilt",
    { ...WITHOUT_HEADERS, packages: null },
    NEW,
    `Whether ${NEW} was rebuilt since it was started is not known: its image does not say which build it is.`,
  ],
])("what speaks against a reboot: %s", (_name, change, running, doubt) => {
  expect(judgeKernel({ ...CURRENT, ...change }, running).doubt).toBe(doubt);
});

test("a kernel without images, but with another one's modules in its place", () => {
  const facts = {
    ...CURRENT,
    images: [],
    packages: null,
    modules: ["6.6.40-0-rpi"],
    loader: { ...CURRENT.loader, grub: null },
  };
  expect(judgeKernel(facts, "6.6.30-0-rpi")).toMatchObject({ verdict: "outdated", expected: "6.6.40-0-rpi" });
});
