import { afterAll, beforeAll, expect, test } from "vitest";
import { LabFleet } from "../e2e/fleet.ts";
import { describeLab } from "./describe.ts";
import { upgradeLibssl } from "./errata.ts";
import { exec, execOk, type Host, spawnInside } from "./host.ts";

/** Of the hosts' own file; 30 s where it says nothing. */
const QUIET_MS = 3000;
/** Nothing more comes of what was changed before. */
const OVER_MS = 3 * QUIET_MS;
/** The quiet period, and what a scan and two looks take on a busy machine. */
const SOON = { timeout: QUIET_MS + 30_000, interval: 500 };
const patient = { timeout: 30_000, interval: 300 };

interface Status {
  readonly hosts: readonly { readonly findings: Readonly<Record<string, number>> }[];
}
interface Rollout {
  readonly id: string;
  readonly hosts: readonly { readonly state: string; readonly reason: string; readonly steps: readonly unknown[] }[];
}

await describeLab("packages that change on a host with an agent", () => {
  let fleet: LabFleet;
  let host: Host;

  beforeAll(async () => {
    fleet = await LabFleet.make(`change-${process.pid % 1000}`, 1, () => {});
    [host] = fleet.hosts as [Host];
    const input = `scanAfterPackageChanges: {quiet: ${QUIET_MS / 1000}s}\n`;
    await execOk(host, ["sh", "-c", "mkdir -p /etc/afterpatch; cat >/etc/afterpatch/agent.yaml"], { input });
    await execOk(host, ["systemctl", "restart", "afterpatch-agent.service"]);
    await fleet.untilConnected();
  });
  afterAll(() => fleet?.remove());

  const findings = async () => (JSON.parse(await fleet.cliOk("status", "-o", "json")) as Status).hosts[0]?.findings;

  test("an upgrade is known to the controller soon after, without anybody asking", async () => {
    await expect.poll(() => reasons(host), patient).toEqual(["boot"]);
    await expect.poll(findings, patient).toMatchObject({ service: 0 });
    await upgradeLibssl(host);
    await expect.poll(findings, SOON).toMatchObject({ service: expect.toSatisfy((count) => count > 0) });
    expect(await reasons(host)).toEqual(["boot", "package-change"]);
  });

  test("five packages, one after the other, are one or two scans", async () => {
    const before = (await reasons(host)).length;
    for (let number = 1; number <= 5; number += 1) {
      await execOk(host, ["sh", "-c", MAKE_PACKAGE, "sh", `burst${number}`], { input: "exit 0\n" });
      await execOk(host, ["dpkg", "--install", `/root/burst${number}.deb`]);
    }
    await expect.poll(async () => (await reasons(host)).length, SOON).toBeGreaterThan(before);
    await new Promise((settle) => setTimeout(settle, OVER_MS)); // for scans that should not be
    const made = (await reasons(host)).slice(before);
    expect(made.length).toBeLessThanOrEqual(2);
    expect(new Set(made)).toEqual(new Set(["package-change"]));
  });

  test("inside the script of a package apply is refused, and scan is not", async () => {
    await execOk(host, ["sh", "-c", MAKE_PACKAGE, "sh", "hooked"], { input: HOOK });
    await execOk(host, ["dpkg", "--install", "/root/hooked.deb"], { timeoutMs: 120_000 });
    const [applied, said, scanned, adrift] = (await execOk(host, ["cat", "/root/hook.log"])).split("\n--\n");
    expect(applied).toBe("3");
    expect(said).toMatch(
      /^afterpatch-agent: apply: it was started in the middle of an upgrade \(dpkg, pid \d+\), .*; .* scans on its own once the package manager has finished$/,
    );
    expect(scanned).toBe("10");
    expect(adrift).toMatch(/^3 .*\(DPKG_\w+ is set\)/);
  });

  test("while a package is being installed no scan is begun, and a permit is vetoed with who holds the lock", async () => {
    // dpkg itself writes its status at its end; what its scripts do is seen at once.
    const script = "touch /run/reboot-required; until [ -e /root/go ]; do sleep 0.2; done\n";
    await execOk(host, ["sh", "-c", MAKE_PACKAGE, "sh", "slow"], { input: script });
    await settledScans(host);
    const before = (await reasons(host)).length;
    const dpkg = await spawnInside(host, ["dpkg", "--install", "/root/slow.deb"], { stdio: "ignore" });
    await expect.poll(async () => (await exec(host, ["pgrep", "-f", "slow.postinst"])).code, patient).toBe(0);

    const start = ["rollout", "start", "all", "--reason", "DSA-6001", "--yes", "--detach", "-o", "json"];
    expect((await fleet.cli(...start)).code).toBe(0);
    const vetoed = async () => {
      const { stdout } = await fleet.cli("rollout", "status", "-o", "json");
      return (JSON.parse(stdout) as Rollout).hosts[0];
    };
    await expect.poll(vetoed, patient).toMatchObject({
      reason: expect.stringMatching(/dpkg \(pid \d+\) holds \/var\/lib\/dpkg\/lock/),
      steps: expect.not.arrayContaining([expect.objectContaining({ outcome: "done" })]),
    });
    await new Promise((settle) => setTimeout(settle, OVER_MS)); // longer than the quiet period
    expect((await reasons(host)).slice(before).filter((reason) => reason !== "request")).toEqual([]);

    await execOk(host, ["touch", "/root/go"]);
    await new Promise((settle) => dpkg.once("exit", settle));
    await expect
      .poll(async () => (await reasons(host)).slice(before).filter((reason) => reason !== "request"), SOON)
      .toContain("package-change");
  });
});

/** Why the agent has scanned since it was started. */
async function reasons(host: Host): Promise<readonly string[]> {
  const unit = "afterpatch-agent.service";
  const run = (await execOk(host, ["systemctl", "show", "--property=InvocationID", "--value", unit])).trim();
  const log = await execOk(host, ["journalctl", `_SYSTEMD_INVOCATION_ID=${run}`, "-o", "cat", "--no-pager"]);
  const lines = log.split("\n").filter((line) => line.includes('"host scanned"'));
  return lines.map((line) => (JSON.parse(line) as { reason: string }).reason);
}

/** Until nothing has been scanned for longer than the quiet period. */
async function settledScans(host: Host): Promise<void> {
  for (let last = -1, next = 0; last !== next; [last, next] = [next, (await reasons(host)).length]) {
    await new Promise((settle) => setTimeout(settle, OVER_MS));
  }
}

/** A package of that name whose postinst is standard input, in /root. */
const MAKE_PACKAGE = `
  mkdir -p /root/$1/DEBIAN && cd /root
  printf 'Package: %s\\nVersion: 1\\nArchitecture: all\\nMaintainer: lab <lab@example.net>\\nDescription: lab\\n' $1 >$1/DEBIAN/control
  { echo '#!/bin/sh'; cat; } >$1/DEBIAN/postinst && chmod 755 $1/DEBIAN/postinst
  dpkg-deb --root-owner-group --build $1 $1.deb >/dev/null`;

/** What comes of the agent: in the script, and in what it leaves behind without being its child any more. */
const HOOK = `
  exec >/root/hook.log 2>&1
  afterpatch-agent apply --yes 2>/root/said; echo $?
  echo --
  cat /root/said
  echo --
  afterpatch-agent scan --exit-code >/dev/null; echo $?
  echo --
  ( setsid sh -c 'sleep 1; afterpatch-agent apply --yes >/root/adrift 2>&1; echo "$? $(cat /root/adrift)" >/root/adrift.done' & )
  until [ -e /root/adrift.done ]; do sleep 0.2; done
  cat /root/adrift.done`;
