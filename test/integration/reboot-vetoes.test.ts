import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { machineOn } from "@afterpatch/agent/effects/effects";
import { WaitingFile } from "@afterpatch/agent/effects/reboot/waiting";
import { bootFilesVeto } from "@afterpatch/agent/vetoes/boot-files";
import { scheduledShutdown, scheduledText } from "@afterpatch/agent/vetoes/scheduled";
import { verbVeto } from "@afterpatch/agent/vetoes/verb";
import { DEFAULT_REBOOT } from "@afterpatch/core/plan/reboot";
import { DEFAULT_POLICY } from "@afterpatch/core/policy/defaults";
import { afterAll, beforeEach, describe, expect, test } from "vitest";

const all = mkdtempSync(join(tmpdir(), "afterpatch-reboot-"));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(all, "root-"));
});
afterAll(() => rmSync(all, { recursive: true }));

function put(path: string, content: string): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  return join(root, path);
}

test("a machine that was not given leave is not rebooted, and says so", async () => {
  const machine = machineOn(async () => {
    throw new Error("nobody scans");
  });
  const reboot = { kind: "reboot", target: "host" };
  const why = "this program was not given leave to reboot this host";
  expect(await machine.reboots.veto(DEFAULT_REBOOT)).toEqual({ code: "impossible", message: why });
  const options = { graceMs: 0, signal: new AbortController().signal, reboot: DEFAULT_REBOOT };
  await expect(machine.perform(reboot, {}, options)).rejects.toThrow(why);
});

describe("what the boot loader would start", () => {
  const RUNNING = "6.1.0-1-amd64";
  const IMAGE = "boot/vmlinuz-6.1.0-2-amd64";
  const INITRD = "boot/initrd.img-6.1.0-2-amd64";
  const menu = (lines: string) => `set default="0"\nmenuentry 'Debian' {\n${lines}\n}\n`;
  const linux = (prefix: string) => `linux ${prefix}/vmlinuz-6.1.0-2-amd64 root=/dev/vda1`;
  const initrd = (prefix: string) => `initrd ${prefix}/initrd.img-6.1.0-2-amd64`;

  beforeEach(() => {
    put("boot/vmlinuz-6.1.0-1-amd64", "kernel");
    put(IMAGE, "kernel");
    put(INITRD, "initramfs");
  });

  test.each<[string, string]>([
    ["on the root file system", "/boot"],
    ["on a partition of its own", ""],
    ["in a volume of btrfs", "/@/boot"],
  ])("all is there, %s", (_name, prefix) => {
    put("boot/grub/grub.cfg", menu(`${linux(prefix)}\n${initrd(prefix)}`));
    expect(bootFilesVeto("when-required", root, RUNNING)).toBeNull();
  });

  test("an initramfs that no entry names is not missed", () => {
    rmSync(join(root, INITRD));
    put("boot/grub/grub.cfg", menu(linux("/boot")));
    expect(bootFilesVeto("when-required", root, RUNNING)).toBeNull();
  });

  test.each<[string, () => void, string]>([
    [
      "the image is not there",
      () => rmSync(join(root, IMAGE)),
      "the kernel image /boot/vmlinuz-6.1.0-2-amd64 is not there",
    ],
    ["the image is empty", () => put(IMAGE, ""), "the kernel image /boot/vmlinuz-6.1.0-2-amd64 is empty"],
    [
      "the initramfs is not there",
      () => rmSync(join(root, INITRD)),
      "the initramfs /boot/initrd.img-6.1.0-2-amd64 is not there",
    ],
    ["the initramfs is empty", () => put(INITRD, ""), "the initramfs /boot/initrd.img-6.1.0-2-amd64 is empty"],
    [
      "the initramfs is no file",
      () => {
        rmSync(join(root, INITRD));
        mkdirSync(join(root, INITRD));
      },
      "the initramfs /boot/initrd.img-6.1.0-2-amd64 cannot be read (not a regular file)",
    ],
  ])("%s: whoever ordered it", (_name, spoil, why) => {
    put("boot/grub/grub.cfg", menu(`${linux("/boot")}\n${initrd("/boot")}`));
    spoil();
    for (const mode of ["when-required", "always"] as const) {
      expect(bootFilesVeto(mode, root, RUNNING)).toBe(`${why}, which /boot/grub/grub.cfg would start`);
    }
  });

  test("nobody knows: only a person's word counts", () => {
    const why = bootFilesVeto("when-required", root, RUNNING);
    expect(why).toMatch(/^which entry the boot loader would start is not known: .*; a person may order it/);
    expect(bootFilesVeto("always", root, RUNNING)).toBeNull();
  });

  test("a container starts no kernel", () => {
    put("run/systemd/container", "systemd-nspawn\n");
    rmSync(join(root, "boot"), { recursive: true });
    expect(bootFilesVeto("always", root, RUNNING)).toBeNull();
  });
});

describe("a shutdown that a person has scheduled", () => {
  const places = () => ({ systemd: join(root, "scheduled"), sysvinit: join(root, "shutdown.pid") });

  test("none", () => expect(scheduledShutdown(places())).toBeNull());

  test("with systemd: what, when, who and why, made visible", () => {
    put(
      "scheduled",
      "USEC=1795400182335241\nWARN_WALL=1\nMODE=poweroff\nUID=1000\nWALL_MESSAGE=racks\u001b[31m = moved\n",
    );
    expect(scheduledShutdown(places())).toBe(
      "a poweroff is scheduled for 2026-11-23 02:16 UTC by uid 1000 (racks\\u{1b}[31m = moved); 'shutdown -c' cancels it",
    );
  });

  test.each([
    ["", "a shutdown is scheduled; 'shutdown -c' cancels it"],
    ["USEC=junk\nMODE=\u0007\nUID=-1", "a shutdown is scheduled; 'shutdown -c' cancels it"],
    ["USEC=99999999999999999999\nMODE=reboot", "a reboot is scheduled; 'shutdown -c' cancels it"],
  ])("with a file that says little: %j", (text, expected) => expect(scheduledText(text)).toBe(expected));

  test("what cannot be read is one", () => {
    mkdirSync(join(root, "scheduled"));
    expect(scheduledShutdown(places())).toBe(`${root}/scheduled cannot be read (EISDIR)`);
  });

  test("with sysvinit: one that still waits", () => {
    put("shutdown.pid", `${process.pid}\n`);
    expect(scheduledShutdown(places())).toBeNull(); // this is not shutdown(8)
    put("shutdown.pid", "no number\n");
    expect(scheduledShutdown(places())).toBeNull();
  });
});

describe("a reboot that waits", () => {
  const WAITING = { op: "op-1", dueAt: 1_795_400_182_335, method: "reboot", message: "new kernel" } as const;
  const file = () => new WaitingFile(root);

  test("is seen by other programs, and whoever comes first decides", () => {
    file().announce(WAITING);
    expect(file().read()).toEqual(WAITING);
    expect(file().claim("op-2")).toBe(false);
    expect(file().claim("op-1")).toBe(true);
    expect(file().cancel("alice", "")).toBeNull();
    expect(file().cancelled("op-1")).toBeNull();
    expect(file().claim("op-1")).toBe(true); // an agent that was started anew
    file().announce(WAITING);
    expect(file().read()).toBeNull();
  });

  test("is cancelled by a person, for good", () => {
    file().announce(WAITING);
    expect(file().cancelled("op-1")).toBeNull();
    expect(file().cancel("alice", "backups\u001b still run")).toEqual(WAITING);
    expect(file().cancelled("op-1")).toBe("cancelled on the host by alice: backups\\u{1b} still run");
    expect(file().cancelled("op-2")).toBeNull();
    expect(file().claim("op-1")).toBe(false);
    expect(file().cancel("bob", "")).toBeNull();
    file().forget();
    expect(readdirSync(root)).toEqual([]);
  });

  test("none, in a folder that is not there", () => {
    const none = new WaitingFile(join(root, "no/such"));
    expect([none.read(), none.cancel("alice", ""), none.cancelled("op-1"), none.claim("op-1")]).toEqual([
      null,
      null,
      null,
      false,
    ]);
    none.forget();
    expect(existsSync(join(root, "no"))).toBe(false);
  });

  test.each(["", "null", "[1]", '{"op": 1}', '{"op": "x", "dueAt": 1, "method": "halt", "message": ""}'])(
    "what somebody else wrote is none: %s",
    (text) => {
      put("reboot.json", text);
      expect(file().read()).toBeNull();
      expect(file().cancel("alice", "")).toBeNull();
    },
  );
});

test("a file that does not allow reboots holds off those that a person ordered, too", () => {
  const reboot = { kind: "reboot", target: "host" };
  const policy = { ...DEFAULT_POLICY, verbs: ["restart-service"] as const };
  expect(verbVeto(DEFAULT_POLICY, reboot)).toBeNull();
  expect(verbVeto(policy, { kind: "restart-service", target: "ssh.service" })).toBeNull();
  expect(verbVeto(policy, null)).toBeNull();
  expect(verbVeto(policy, reboot)).toEqual({
    code: "denied",
    message: "the agent's file does not allow reboot (verbs: restart-service)",
  });
});
