import { join } from "node:path";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "../lab/describe.ts";
import { MachineFleet } from "./fleet.ts";
import type { Kernel } from "./image.ts";
import { chooseLate } from "./late-choice.ts";
import { missingForMachines } from "./requirements.ts";

interface Plan {
  readonly waves: readonly {
    readonly hosts: readonly { readonly steps: readonly { readonly kind: string; readonly target: string }[] }[];
  }[];
}

interface Rollout {
  readonly state: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly state: string;
    readonly reason: string | null;
    readonly residue: readonly string[];
    readonly steps: readonly {
      readonly remedy: { readonly kind: string; readonly target: string };
      readonly outcome: string;
      readonly evidence: string;
    }[];
  }[];
}

const patient = { timeout: 120_000, interval: 200 };
const ORDER = join(import.meta.dirname, "reboot.yaml");
const ROLLOUT = ["rollout", "start", "role=web", "--reason", "DSA-6001: linux", "--yes"] as const;

await describeLab(
  "a virtual machine whose kernel is upgraded",
  () => {
    let fleet: MachineFleet;
    let old: Kernel;
    let newest: Kernel;

    beforeAll(async () => {
      fleet = await MachineFleet.make(`kernel-${process.pid}`, () => {});
      ({ old, newest } = fleet.image);
    });
    afterAll(() => fleet?.remove());

    test("it runs the kernel that it would start next, and there is nothing to do", async () => {
      const { host, findings } = await scan();
      expect(host.kernel).toMatchObject({ running: old.release, expected: old.release, verdict: "current" });
      expect(findings).toEqual([]);
      expect((await fleet.cli("plan", "role=web", "--exit-code")).code).toBe(0);
    });

    test("its agent runs under the unit as it is shipped, with no capability but the four that it needs", async () => {
      const unit = "afterpatch-agent.service";
      const text = await fleet.machine.execOk(["systemd-analyze", "security", "--no-pager", unit]);
      const [, exposure = "10"] = /Overall exposure level for \S+: ([0-9.]+)/.exec(text) ?? [];
      expect(Number(exposure)).toBeLessThanOrEqual(3);
      const status = await fleet.machine.execOk(["sh", "-c", `cat /proc/$(systemctl show -P MainPID ${unit})/status`]);
      const [, bounding = "0"] = /^CapBnd:\s+([0-9a-f]+)$/m.exec(status) ?? [];
      // capabilities(7): DAC_READ_SEARCH 2, KILL 5, SYS_PTRACE 19, CHECKPOINT_RESTORE 40
      expect(BigInt(`0x${bounding}`)).toBe((1n << 2n) | (1n << 5n) | (1n << 19n) | (1n << 40n));
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^Seccomp:\s+2$/m);
    });

    test("after a boot its agent gives back the pages of files that it does not need at rest, and goes on", async () => {
      const unit = "afterpatch-agent.service";
      await fleet.machine.execOk(["systemctl", "stop", unit]);
      // As after a boot: pages count for who reads them first, and `enroll` has read the program outside of the unit.
      await fleet.machine.execOk(["sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]);
      await fleet.machine.execOk(["systemctl", "start", unit]);
      const rollup = ["sh", "-c", `cat /proc/$(systemctl show -P MainPID ${unit})/smaps_rollup`];
      const megabytes = async () => Number(/^Rss:\s+([0-9]+) kB/m.exec(await fleet.machine.execOk(rollup))?.[1]) / 1024;
      await expect.poll(megabytes, patient).toBeGreaterThan(50); // it scans
      await expect.poll(megabytes, patient).toBeLessThan(40);
      await expect.poll(async () => (await fleet.cli("plan", "role=web", "--exit-code")).code, patient).toBe(0);
    });

    test("once the newer kernel is installed the one that runs is outdated, and only a reboot changes that", async () => {
      await fleet.machine.execOk(["dpkg", "--install", `/opt/afterpatch/debs/linux-image-${newest.release}.deb`], {
        timeoutMs: 600_000,
      });
      expect(await fleet.machine.execOk(["dpkg", "--audit"])).toBe("");
      const { host, findings, reboot } = await scan();
      expect(host.kernel).toMatchObject({ running: old.release, expected: newest.release, verdict: "outdated" });
      expect(findings).toMatchObject([
        {
          kind: "kernel",
          verdict: "replaced",
          process: null,
          files: [
            {
              path: `/boot/vmlinuz-${newest.release}`,
              package: { name: `linux-image-${newest.release}`, from: old.version, to: newest.version },
            },
          ],
          remedy: { kind: "reboot", target: "host", automatic: true },
        },
      ]);
      expect(reboot.required).toBe(true);
      expect(reboot.reasons).toEqual([
        `The running kernel is ${old.release}; the boot loader would start ${newest.release}.`,
      ]);
      const { code, document } = await fleet.cliJson<Plan>("plan", "role=web", "--exit-code");
      expect(code).toBe(10);
      expect(document.waves.flatMap(({ hosts }) => hosts.flatMap(({ steps }) => steps))).toMatchObject([
        { remedy: { kind: "reboot", target: "host" } },
      ]);
    });

    test("a rollout reboots it, and the newer kernel is proved", async () => {
      const before = await bootId();
      const { code, document } = await fleet.cliJson<Rollout>(...ROLLOUT);
      expect([code, document.state]).toEqual([0, "finished"]);
      const after = await fleet.machine.booted(before);
      expect(document.hosts).toMatchObject([
        {
          state: "done",
          residue: [],
          steps: [
            {
              remedy: { kind: "reboot", target: "host" },
              outcome: "done",
              evidence: expect.stringMatching(new RegExp(`kernel ${newest.release}.*${after}`)),
            },
          ],
        },
      ]);
      const { host, findings } = await scan();
      expect(host).toMatchObject({
        bootId: after,
        kernel: { running: newest.release, expected: newest.release, verdict: "current" },
      });
      expect(findings).toEqual([]);
    });

    test("a second rollout finds nothing to do", async () => {
      const before = await bootId();
      const { code, document } = await fleet.cliJson<Rollout>(...ROLLOUT);
      expect([code, document.state]).toEqual([0, "finished"]);
      expect(document.hosts.flatMap((host) => host.steps)).toEqual([]);
      expect(await bootId()).toBe(before);
    });

    test("one that loses power while it goes down is proved once it has power again", async () => {
      const before = await bootId();
      await fleet.machine.stayOff(); // However late this test notices that it goes down.
      const rollout = ordered();
      await expect.poll(async () => (await status()).hosts[0]?.state, patient).toBe("returning");
      await fleet.machine.switchOff();
      await fleet.machine.switchOn();
      const { code, document } = await rollout;
      expect([code, document.state]).toEqual([0, "finished"]);
      const after = await fleet.machine.booted(before);
      expect(document.hosts).toMatchObject([
        { state: "done", steps: [{ outcome: "done", evidence: expect.stringContaining(after) }] },
      ]);
    });

    test("a reboot that brings up another kernel than the boot loader's files promised has failed", async () => {
      await chooseLate(fleet.machine, old);
      const { code, document } = await ordered();
      expect([code, document.state]).toEqual([3, "halted"]);
      const words = `kernel ${old.release} instead of ${newest.release}`;
      expect(document.hosts).toMatchObject([{ state: "failed", reason: expect.stringContaining(words) }]);
      const { host } = await scan();
      expect(host.kernel).toMatchObject({ running: old.release, expected: newest.release, verdict: "outdated" });
    });

    test("it is not rebooted for that kernel again by itself", async () => {
      const before = await bootId();
      const { code, stdout } = await fleet.machine.exec(["afterpatch-agent", "apply", "--yes"]);
      expect([code, stdout]).toEqual([
        3,
        expect.stringContaining(`rebooted for kernel ${newest.release} in the last 24 hours`),
      ]);
      expect(await bootId()).toBe(before);
    });

    test("its console saw these kernels come up and no other", async () => {
      const expected = [old, newest, newest, old].map(({ release }) => release);
      expect(await fleet.machine.kernelsBooted()).toEqual(expected);
    });

    /** A rollout of reboots, whatever the host needs, that does not wait long for the proof. */
    async function ordered() {
      return fleet.cliJson<Rollout>("rollout", "start", "role=web", "-f", ORDER, "--yes");
    }

    async function status(): Promise<Rollout> {
      return (await fleet.cliJson<Rollout>("rollout", "status")).document;
    }

    async function scan(): Promise<Scan> {
      return JSON.parse(await fleet.machine.execOk(["afterpatch-agent", "scan", "--format", "json"])) as Scan; // its contract
    }

    async function bootId(): Promise<string> {
      return (await fleet.machine.execOk(["cat", "/proc/sys/kernel/random/boot_id"])).trim();
    }
  },
  missingForMachines,
);
