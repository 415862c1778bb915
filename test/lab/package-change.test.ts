import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, type TestContext, test } from "vitest";
import { LabFleet } from "../e2e/fleet.ts";
import { describeLab } from "./describe.ts";
import { upgradeLibssl } from "./errata.ts";
import { exec, execOk, type Host, spawnInside } from "./host.ts";

/** Of the hosts' own file; 30 s where it says nothing. */
const QUIET_MS = 1000;
/** Nothing more comes of what was changed before: the quiet period, two looks at every 2 s, and a scan. */
const OVER_MS = QUIET_MS + 5000;
/** The same on a busy machine. */
const SOON = { timeout: QUIET_MS + 30_000, interval: 200 };
const patient = { timeout: 30_000, interval: 200 };

interface Status {
  readonly hosts: readonly { readonly name: string; readonly findings: Readonly<Record<string, number>> }[];
}
interface Rollout {
  readonly id: string;
  readonly hosts: readonly { readonly state: string; readonly reason: string; readonly steps: readonly unknown[] }[];
}

await describeLab("packages that change on hosts with an agent", () => {
  let fleet: LabFleet;

  beforeAll(async () => {
    fleet = await LabFleet.make(`change-${process.pid % 1000}`, 2, () => {});
    const input = `scanAfterPackageChanges: {quiet: ${QUIET_MS / 1000}s}\n`;
    for (const host of fleet.hosts) {
      await execOk(host, ["sh", "-c", "mkdir -p /etc/afterpatch; cat >/etc/afterpatch/agent.yaml"], { input });
      await execOk(host, ["systemctl", "restart", "afterpatch-agent.service"]);
    }
    await fleet.untilConnected();
  });
  afterAll(() => fleet?.remove());

  // Both at once: they wait more than they work.
  describe.concurrent("on one host", () => known(() => fleet));
  describe.concurrent("on another host", () => many(() => fleet));
});

/** A test that shares its host with those before it. Its `expect` knows it among those that run at once. */
function inTurn(name: string, run: (context: Pick<TestContext, "expect">) => Promise<void>): void {
  test(name, { concurrent: false }, run);
}

function known(fleet: () => LabFleet): void {
  const only = () => fleet().hosts[0] as Host; // two were ordered
  const findings = async () =>
    (JSON.parse(await fleet().cliOk("status", "-o", "json")) as Status).hosts.find(({ name }) => name === only().name)
      ?.findings;

  inTurn("an upgrade is known to the controller soon after, without anybody asking", async ({ expect }) => {
    const host = only();
    await expect.poll(() => reasons(host), patient).toEqual(["boot"]);
    await expect.poll(findings, patient).toMatchObject({ service: 0 });
    await upgradeLibssl(host);
    await expect.poll(findings, SOON).toMatchObject({ service: expect.toSatisfy((count) => count > 0) });
    expect(await reasons(host)).toEqual(["boot", "package-change"]);
  });

  inTurn(
    "while a package is being installed no scan is begun, and a permit is vetoed with who holds the lock",
    async ({ expect }) => {
      const host = only();
      // dpkg itself writes its status at its end; what its scripts do is seen at once.
      const script = "touch /run/reboot-required; until [ -e /root/go ]; do sleep 0.2; done\n";
      await execOk(host, ["sh", "-c", MAKE_PACKAGE, "sh", "slow"], { input: script });
      const before = (await reasons(host)).length;
      const unasked = async () => (await reasons(host)).slice(before).filter((reason) => reason !== "request");
      const dpkg = await spawnInside(host, ["dpkg", "--install", "/root/slow.deb"], { stdio: "ignore" });
      const ended = once(dpkg, "exit");
      await expect.poll(async () => (await exec(host, ["pgrep", "-f", "slow.postinst"])).code, patient).toBe(0);
      const over = sleep(OVER_MS); // longer than the quiet period

      const start = ["rollout", "start", host.name, "--reason", "DSA-6001", "--yes", "--detach", "-o", "json"];
      expect((await fleet().cli(...start)).code).toBe(0);
      const vetoed = async () => {
        const { stdout } = await fleet().cli("rollout", "status", "-o", "json");
        return (JSON.parse(stdout) as Rollout).hosts[0];
      };
      await expect.poll(vetoed, patient).toMatchObject({
        reason: expect.stringMatching(/dpkg \(pid \d+\) holds \/var\/lib\/dpkg\/lock/),
        steps: expect.not.arrayContaining([expect.objectContaining({ outcome: "done" })]),
      });
      await over;
      expect(await unasked()).toEqual([]);

      await execOk(host, ["touch", "/root/go"]);
      await ended;
      await expect.poll(unasked, SOON).toContain("package-change");
    },
  );
}

function many(fleet: () => LabFleet): void {
  const only = () => fleet().hosts[1] as Host; // two were ordered

  inTurn("five packages, one after the other, are one or two scans", async ({ expect }) => {
    const host = only();
    await expect.poll(() => reasons(host), patient).toEqual(["boot"]);
    const names = Array.from({ length: 5 }, (_, number) => `burst${number}`);
    for (const name of names) await execOk(host, ["sh", "-c", MAKE_PACKAGE, "sh", name], { input: "exit 0\n" });
    for (const name of names) await execOk(host, ["dpkg", "--install", `/root/${name}.deb`]);
    const made = async () => (await reasons(host)).slice(1);
    await expect.poll(made, SOON).not.toEqual([]);
    await sleep(OVER_MS); // for scans that should not be
    expect((await made()).length).toBeLessThanOrEqual(2);
    expect(new Set(await made())).toEqual(new Set(["package-change"]));
  });

  inTurn("inside the script of a package apply is refused, and scan is not", async ({ expect }) => {
    const host = only();
    await upgradeLibssl(host); // for the scan to find
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
}

/** Why the agent has scanned since it was started. */
async function reasons(host: Host): Promise<readonly string[]> {
  const unit = "afterpatch-agent.service";
  const run = (await execOk(host, ["systemctl", "show", "--property=InvocationID", "--value", unit])).trim();
  const log = await execOk(host, ["journalctl", `_SYSTEMD_INVOCATION_ID=${run}`, "-o", "cat", "--no-pager"]);
  const lines = log.split("\n").filter((line) => line.includes('"host scanned"'));
  return lines.map((line) => (JSON.parse(line) as { reason: string }).reason);
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
