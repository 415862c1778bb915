import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { LabFleet } from "../e2e/fleet.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host, reboot, spawnInside } from "./host.ts";
import { bringDaemon, property, put, startDaemons, upgradeDaemons } from "./remedies/services.ts";

// What holds a host off beside its file: another apply, a package of dpkg's own making, and what was begun with another state directory.

const UNIT = "shop.service";
const AGENT = "/usr/bin/afterpatch-agent";
const STARTS = "/var/lib/afterpatch/starts.jsonl";
const patient = { timeout: 90_000, interval: 200 };

interface Seen {
  readonly state: string;
  readonly hosts: readonly {
    readonly state: string;
    readonly reason: string;
    readonly steps: readonly { readonly evidence: string }[];
  }[];
}

await describeLab("a host is held off by what goes on there, and let go", () => {
  let fleet: LabFleet;
  let host: Host;

  beforeAll(async () => {
    fleet = await LabFleet.make(`held-${process.pid % 1000}`, 1, () => {});
    [host] = fleet.hosts as [Host]; // one was ordered
    await bringDaemon(host);
    await startDaemons(host, [{ name: "shop" }]);
    await put(host, "/etc/systemd/system/shop.service.d/boot.conf", "[Install]\nWantedBy=multi-user.target\n", "644");
    await execOk(host, ["systemctl", "enable", "--quiet", UNIT]);
  });
  afterAll(() => fleet?.remove());
  beforeEach(async () => {
    await file("settle: 0s\n");
    await upgradeDaemons(host, "shop");
  });

  const sh = async (script: string) => (await execOk(host, ["sh", "-euc", script])).trim();
  const file = (text: string) => put(host, "/etc/afterpatch/agent.yaml", text, "644");
  const invocation = () => property(host, UNIT, "InvocationID");
  const status = async (id: string) =>
    JSON.parse((await fleet.cli("rollout", "status", id, "-o", "json")).stdout) as Seen;

  async function start(): Promise<string> {
    const order = ["rollout", "start", host.name, "--reason", "DSA-6001", "--yes", "--detach", "-o", "json"];
    return (JSON.parse(await fleet.cliOk(...order)) as { readonly id: string }).id;
  }

  /** What a rollout over the host says once it is held off; it goes on. */
  async function held(id: string): Promise<string> {
    await expect.poll(async () => (await status(id)).hosts[0]?.state, patient).toBe("vetoed");
    return (await status(id)).hosts[0]?.reason ?? "";
  }

  async function finishes(id: string): Promise<void> {
    await expect.poll(async () => (await status(id)).state, patient).toBe("finished");
    expect((await status(id)).hosts).toMatchObject([{ state: "done" }]);
  }

  async function apply(...args: readonly string[]) {
    const { code, stdout, stderr } = await exec(host, [AGENT, "apply", "--yes", "-o", "json", ...args]);
    const document = JSON.parse(stdout) as ApplyDocument; // checked against its schema elsewhere
    return { code, stderr, message: document.ending?.message ?? "" };
  }

  // First: nothing was begun here before.
  test("by caps, whatever the state directory, after a boot too; a register that is damaged makes no room", async () => {
    await file("settle: 0s\ncaps: { restartsPerHour: 1 }\n");
    const words = "1 restart in the last hour, and caps.restartsPerHour is 1";
    expect(await apply("--state-dir", "/root/other")).toMatchObject({ code: 0 });
    await sh("rm -r /root/other");
    await upgradeDaemons(host, "shop");
    const before = await invocation();
    const rollout = await start();
    expect(await held(rollout)).toContain(words);
    await fleet.cliOk("rollout", "abort", rollout, "--reason", "seen");
    for (const args of [[], ["--state-dir", "/root/another"]]) {
      expect(await apply(...args)).toMatchObject({ code: 3, message: expect.stringContaining(words) });
    }
    expect(await invocation()).toBe(before);

    await reboot(host);
    await upgradeDaemons(host, "shop");
    expect(await apply("--state-dir", "/root/third")).toMatchObject({
      code: 3,
      message: expect.stringContaining(words),
    });
    await file("settle: 0s\n");
    await sh(`echo oops >>${STARTS}`);
    const damaged = `what was done before cannot be counted: ${STARTS} is corrupt in line 2`;
    expect(await apply()).toMatchObject({ code: 3, message: expect.stringContaining(damaged) });
    await sh(`mv ${STARTS} ${STARTS}.read`);
    expect(await apply()).toMatchObject({ code: 0 });
    expect(await sh(`wc -l <${STARTS}`)).toBe("1");
  });

  test("by a person's apply: the rollout waits for its end and has not failed", async () => {
    const before = await invocation();
    const wait = "echo waiting >&2; until test -e /run/over; do sleep 0.1; done; echo the shop is closed; exit 1";
    await put(host, "/usr/local/sbin/wait", `#!/bin/sh\n${wait}\n`, "755");
    await put(
      host,
      "/root/slow.yaml",
      "hooks: { beforeApply: [{ name: wait, command: [/usr/local/sbin/wait], timeout: 5m }] }\n",
      "644",
    );
    const child = await spawnInside(host, [AGENT, "apply", "--yes", "--config", "/root/slow.yaml"], {
      stdio: "ignore",
    });
    await expect.poll(async () => (await exec(host, ["pgrep", "-x", "wait"])).code, patient).toBe(0);
    const id = await start();
    expect(await held(id)).toBe("busy: another apply is running on this host");
    expect(await invocation()).toBe(before);
    await sh("touch /run/over");
    await finishes(id);
    expect(child.exitCode).toBe(3);
    expect(await invocation()).not.toBe(before);
  });

  test("by a package that dpkg could not configure, for an hour; then it is a note", async () => {
    const control = "Package: broken\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.net>\nDescription: x\n";
    await put(host, "/root/broken/DEBIAN/control", control, "644");
    await put(host, "/root/broken/DEBIAN/postinst", "#!/bin/sh\nexit 1\n", "755");
    await sh("dpkg-deb --root-owner-group --build /root/broken /root/broken.deb");
    expect((await exec(host, ["dpkg", "-i", "/root/broken.deb"])).code).toBe(1);
    const before = await invocation();
    const id = await start();
    const recent =
      "package broken is half-configured; see dpkg --audit (it was unpacked less than an hour ago, and may yet be configured)";
    expect(await held(id)).toBe(`transaction: ${recent}`);
    expect(await apply()).toMatchObject({ code: 3, message: recent });
    await sh("touch -d '2026-11-01T10:00:00Z' /var/lib/dpkg/info/broken.list");
    const tried = await exec(host, ["dpkg", "--configure", "broken"]);
    const mended =
      "package broken is half-configured; see dpkg --audit (dpkg was at work less than 5 minutes ago, and may yet mend it)";
    expect([tried.code, (await apply()).message]).toEqual([1, mended]);
    expect(await invocation()).toBe(before);
    await sh("touch -d '6 minutes ago' /var/lib/dpkg/status");
    await finishes(id);
    expect(await invocation()).not.toBe(before);
    const { notes } = JSON.parse(await execOk(host, [AGENT, "scan", "-o", "json"])) as Scan;
    const note = "package broken was unpacked 2026-11-01T10:00:00Z and is half-configured since; it holds nothing off";
    expect(notes).toContain(`${note}, see dpkg --audit`);
    await sh("dpkg --remove broken");
  });
});
