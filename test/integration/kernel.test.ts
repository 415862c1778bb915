import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readKernel } from "@afterpatch/agent/host/kernel/kernel";
import { scanHost } from "@afterpatch/agent/host/scan";
import type { KernelFacts } from "@afterpatch/core/kernel/facts";
import { type KernelJudgement, judgeKernel } from "@afterpatch/core/kernel/judge";
import { judgeMicrocode } from "@afterpatch/core/kernel/microcode";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

// Real files in a root of their own: kernels from Debian's archive, GRUB's configuration as grub-mkconfig wrote it.

const GRUB = join(import.meta.dirname, "../cases/debian-12-kernel-pinned/root/boot/grub");
let folder: string;
let root: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "afterpatch-kernel-"));
});
beforeEach(() => {
  root = mkdtempSync(join(folder, "root-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

test("this machine has no kernel of its own: unknown, and never a reboot", () => {
  const scan = scanHost({ hostId: null, name: "here", now: Date.now });
  const facts = readKernel();
  if (facts.container === null && facts.images.length > 0) return; // a machine that starts its own kernel
  expect(scan.host.kernel).toMatchObject({ expected: null, verdict: "unknown" });
  expect(scan.findings.filter(({ kind }) => kind === "kernel" || kind === "microcode")).toEqual([]);
  expect(scan.notes.join(" ")).toMatch(/Whether the running kernel is old is not known/);
  if (scan.reboot.reasons.length === 0) expect(scan.reboot.required).toBe(null);
});

test.each([
  ["run/systemd/container", "docker\n"],
  ["run/.containerenv", ""],
  [".dockerenv", ""],
  ["proc/1/environ", "PATH=/bin\0container=lxc\0"],
])("a container by /%s is not asked for its kernel", (mark, content) => {
  put(mark, content);
  put("boot/vmlinuz-6.1.0-56-amd64", "x");
  expect(readKernel(root)).toMatchObject({ images: [], microcode: { kind: "skipped" } });
  const { verdict, doubt } = judgeKernel(readKernel(root), "6.1.0-55-amd64");
  expect(verdict).toBe("unknown");
  expect(doubt).toMatch(/^Which kernel a reboot would start is not known: it is a container /);
});

test("live patches and flags, as the kernel and Debian write them", () => {
  put("sys/kernel/livepatch/lkp_one/enabled", "1\n");
  put("sys/kernel/livepatch/lkp_one/transition", "0\n");
  put("run/reboot-required", "*** System restart required ***\n");
  put("run/reboot-required.pkgs", "linux-image-6.1.0-56-amd64\nlibc6\nlibc6\n");
  expect(readKernel(root)).toMatchObject({
    livePatches: [{ name: "lkp_one", enabled: true, transition: false }],
    flags: [{ path: "/run/reboot-required", packages: ["linux-image-6.1.0-56-amd64", "libc6"] }],
  });
});

test("what lies in the way is neither followed out of the root nor waited for", () => {
  mkdirSync(join(root, "boot/grub"), { recursive: true });
  execFileSync("mkfifo", [join(root, "boot/vmlinuz-6.1.0-1-amd64"), join(root, "boot/grub/grub.cfg")]);
  symlinkSync("/dev/zero", join(root, "boot/vmlinuz-6.1.0-2-amd64"));
  symlinkSync("vmlinuz-loop", join(root, "boot/vmlinuz-loop"));
  put("boot/grub/grubenv", "x".repeat(10_000_000));
  const { images, loader, unreadable } = readKernel(root);
  expect(loader.grub).toBe(null);
  expect(images.every(({ version }) => version === null)).toBe(true);
  expect(unreadable).toContainEqual({ path: "/boot/grub/grub.cfg", why: "not a regular file" });
});

test("a /boot of its own that is not mounted", () => {
  put("etc/fstab", "UUID=1 / ext4 defaults 0 1\nUUID=2 /boot ext4 defaults,noauto 0 2\n");
  expect(readKernel(root).unreadable).toEqual([{ path: "/boot", why: "not mounted" }]);
});

test("an early RAM disk with Intel's microcode, found through GRUB's default entry", () => {
  const signature = Buffer.alloc(64);
  for (const [index, value] of [1, 0x2b000643, 0, 0x806f8, 0, 1, 0x10, 16, 64].entries())
    signature.writeUInt32LE(value, index * 4);
  put("early/kernel/x86/microcode/GenuineIntel.bin", signature);
  const cpio = spawnSync("cpio", ["-o", "-H", "newc"], {
    cwd: join(root, "early"),
    input: "kernel/x86/microcode/GenuineIntel.bin\n",
  });
  if (cpio.error) return; // no cpio here: the unit tests build the archive by hand
  put("boot/initrd.img-1", Buffer.concat([cpio.stdout, Buffer.from([0x1f, 0x8b, 8])]));
  put("boot/grub/grub.cfg", "menuentry a {\nlinux /boot/vmlinuz-1\ninitrd /boot/initrd.img-1\n}\n");
  put(
    "proc/cpuinfo",
    "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nstepping\t: 8\nmicrocode\t: 0x2b000603\nflags\t\t: fpu\n",
  );
  put("proc/stat", "btime 1000000\n");
  put("sys/devices/system/cpu/cpu0/microcode/processor_flags", "0x10\n");
  const { microcode } = readKernel(root);
  expect(judgeMicrocode(microcode)).toMatchObject({
    verdict: "outdated",
    running: "0x2b000603",
    offered: "0x2b000643",
  });
});

const OLD = "6.1.0-55-cloud-amd64";
const NEW = "6.1.0-56-cloud-amd64";

/** Unpacks both kernels. Null when Debian's archive has them, which keeps none for ever, else why not. */
function fetchKernels(into: string): string | null {
  const names = [OLD, NEW].map((release) => `linux-image-${release}`);
  const got = spawnSync("apt-get", ["download", "-q", ...names], { cwd: into, encoding: "utf8", timeout: 50_000 });
  if (got.error || got.status !== 0) return "Debian's archive does not have these kernels for this machine";
  for (const package_ of readdirSync(into).filter((name) => name.endsWith(".deb"))) {
    execFileSync("dpkg-deb", ["-x", join(into, package_), join(into, "tree")]);
  }
  return null;
}

describe("real kernels of Debian 12", () => {
  let missing: string | null = null;
  let tree: string;

  beforeAll(() => {
    const into = mkdtempSync(join(folder, "debian-"));
    tree = join(into, "tree");
    missing = fetchKernels(into);
  }, 120_000);

  /** A host with both of them, that runs one. */
  function host(environment: string | null): void {
    for (const [release, version] of [
      [OLD, "6.1.192-1"],
      [NEW, "6.1.192-2"],
    ] as const) {
      put(`boot/vmlinuz-${release}`, readFileSync(join(tree, `boot/vmlinuz-${release}`)));
      put(`lib/modules/${release}/modules.order`, "");
      const status = `Package: linux-image-${release}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n\n`;
      mkdirSync(join(root, "var/lib/dpkg"), { recursive: true });
      writeFileSync(join(root, "var/lib/dpkg/status"), status, { flag: "a" });
    }
    put("boot/grub/grub.cfg", "");
    copyFileSync(join(GRUB, "grub.cfg"), join(root, "boot/grub/grub.cfg"));
    if (environment !== null) put("boot/grub/grubenv", environment);
  }

  /** As /proc shows the kernel whose image this is. */
  function run(release: string, build?: string): KernelFacts {
    const version = readKernel(root).images.find(({ path }) => path.endsWith(release))?.version ?? "";
    put("proc/sys/kernel/version", `${build ?? version.slice(version.indexOf(") #") + 2)}\n`);
    return readKernel(root);
  }

  const SAVED = readFileSync(join(GRUB, "grubenv"), "utf8");
  test.for<[string, string | null, string, string | undefined, Partial<KernelJudgement>]>([
    ["the newest runs", null, NEW, undefined, { verdict: "current", expected: NEW, reasons: [], doubt: null }],
    [
      "the older one runs",
      null,
      OLD,
      undefined,
      { verdict: "outdated", expected: NEW, image: `/boot/vmlinuz-${NEW}`, doubt: null },
    ],
    [
      "the older one runs and is saved as the default",
      SAVED,
      OLD,
      undefined,
      { verdict: "current", expected: OLD, doubt: null },
    ],
    [
      "the newest runs, the older one is saved",
      SAVED,
      NEW,
      undefined,
      {
        verdict: "current",
        expected: OLD,
        doubt: `A reboot would start ${OLD}, which is older than the running kernel ${NEW}.`,
      },
    ],
    [
      "rebuilt",
      null,
      NEW,
      "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-11-10)",
      { verdict: "outdated", expected: NEW, doubt: null },
    ],
  ])("%s", ([, environment, release, build, expected], { skip }) => {
    if (missing !== null) return skip(missing);
    host(environment);
    expect(judgeKernel(run(release, build), release)).toMatchObject(expected);
  });

  test("the modules of the running one are gone", ({ skip }) => {
    if (missing !== null) return skip(missing);
    host(null);
    rmSync(join(root, `lib/modules/${OLD}`), { recursive: true });
    expect(judgeKernel(run(OLD), OLD)).toMatchObject({ verdict: "outdated", modulesGone: true, doubt: null });
  });

  // A package whose unpacking was cut off, a /boot that was full, a boot loader that nobody knows.
  test.for<[string, string, string]>([
    [
      "its image is gone",
      `boot/vmlinuz-${NEW}`,
      `The boot loader would start ${NEW}, but its image is not there: a reboot may fail.`,
    ],
    [
      "its modules are gone",
      `lib/modules/${NEW}`,
      `A reboot would start ${NEW}, whose modules are not in /lib/modules: it might find neither its disks nor its network.`,
    ],
    [
      "the boot loader's configuration is gone",
      "boot/grub/grub.cfg",
      "Which kernel a reboot would start is not known: no boot loader's configuration could be read.",
    ],
  ])("a reboot is left to a person where %s", ([, path, doubt], { skip }) => {
    if (missing !== null) return skip(missing);
    host(null);
    rmSync(join(root, path), { recursive: true });
    expect(judgeKernel(run(OLD), OLD).doubt).toBe(doubt);
  });
});
