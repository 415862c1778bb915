import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host, spawnInside } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";

const name = `rpm-${process.pid}`;
const patient = { timeout: 30_000 };

await describeLab("a host whose packages are rpm's", () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;

  beforeAll(async () => {
    payload = await stagePayload();
    host = hostOf(await up({ name, hosts: 1, packages: ["rpm"], payload: payload.directory }), 1);
    agent = agentOn(host);
    // What is left of Debian's own database goes: nothing may be told by it.
    // Debian's rpm keeps a database in the home directory of who asks, unless it is told where rpm hosts have theirs.
    await sh(`rm -rf /var/lib/dpkg /var/log/dpkg.log; mkdir -p /etc/rpm /var/lib/rpm
      mkdir -p /var/lib/afterpatch/agent; echo '%_dbpath /var/lib/rpm' >>/etc/rpm/macros; rpm --initdb`);
    for (const [version, mark] of Object.entries({ "1.0": "", "1.1": "~" })) await build(version, mark);
    await sh("rpm --install --nodeps /root/rpmbuild/RPMS/*/paymentd-1.0-1.*.rpm; systemctl start paymentd");
    await agent.json<Scan>("scan"); // the inventory knows the build-id of 1.0 now
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(host, ["sh", "-euc", script, "sh", ...words], { timeoutMs: 120_000 })).trim();
  const findings = async () => (await agent.json<Scan>("scan")).findings;

  /** paymentd: sleep(1) with a build-id of its own for each version, and its unit. */
  async function build(version: string, mark: string): Promise<void> {
    const spec = `Name: paymentd
Version: ${version}
Release: 1
Summary: x
License: x
%global debug_package %{nil}
%global __os_install_post %{nil}
%description
x
%install
install -D -m 755 /root/paymentd-${version} "%{buildroot}/usr/sbin/paymentd"
install -D -m 644 /root/paymentd.service "%{buildroot}/usr/lib/systemd/system/paymentd.service"
%files
/usr/sbin/paymentd
/usr/lib/systemd/system/paymentd.service
`;
    const unit = "[Service]\nExecStart=/usr/sbin/paymentd infinity\n";
    await execOk(host, ["sh", "-c", "cat >/root/paymentd.service"], { input: unit });
    await execOk(host, ["sh", "-c", "cat >/root/paymentd.spec"], { input: spec });
    const other = `s/(\\x04\\0\\0\\0\\x14\\0\\0\\0\\x03\\0\\0\\0GNU\\0)(.{19})(.)/$1.$2.("${mark}"||$3)/se`;
    await sh('perl -0777 -pe "$1" </bin/sleep >/root/paymentd-"$2"', other, version);
    await sh("rpmbuild -bb --define '_build_id_links none' /root/paymentd.spec >/dev/null 2>&1");
  }

  test("nothing is old while 1.0 runs", async () => expect(await findings()).toEqual([]));

  test("in the middle of a transaction a scan is made, and nothing is restarted", async () => {
    const script = "%post\ntouch /root/inside; until [ -e /root/go ]; do sleep 0.2; done\n";
    await sh('printf "%s" "$1" >>/root/slow.spec', slowSpec(script));
    await sh("rpmbuild -bb /root/slow.spec >/dev/null 2>&1");
    await sh("rpm --upgrade --nodeps /root/rpmbuild/RPMS/*/paymentd-1.1-1.*.rpm");
    const rpm = await spawnInside(
      host,
      ["sh", "-c", "exec rpm --install --nodeps /root/rpmbuild/RPMS/*/slow-1-1.*.rpm"],
      {
        stdio: "ignore",
      },
    );
    const ended = new Promise((settle) => rpm.once("exit", settle));
    await expect.poll(async () => (await exec(host, ["test", "-e", "/root/inside"])).code, patient).toBe(0);
    expect(await findings()).toHaveLength(1);
    const { code, stdout } = await agent.run("apply", "--yes", "--settle", "1s");
    expect(code).toBe(3);
    expect(stdout).toMatch(/rpm \(pid \d+\) holds \/(?:var\/lib|usr\/lib\/sysimage)\/rpm\/\.rpm\.lock/);
    expect(await findings()).toHaveLength(1);
    await sh("touch /root/go");
    await ended;
  });

  test("a service with old code: its package, both versions, and when the new one came", async () => {
    const installed = Number(await sh("rpm -q --queryformat '%{INSTALLTIME}' paymentd"));
    expect(await findings()).toMatchObject([
      {
        kind: "service",
        verdict: "replaced",
        owner: { kind: "service", manager: "systemd", name: "paymentd.service" },
        files: [
          {
            path: "/usr/sbin/paymentd",
            kind: "executable",
            package: { name: "paymentd", from: "1.0-1", to: "1.1-1", installedAt: installed * 1000 },
          },
        ],
      },
    ]);
  });

  test("apply restarts it and proves it", async () => {
    const { steps, proof } = await agent.json<ApplyDocument>("apply", "--yes", "--settle", "1s");
    expect(steps.map(({ remedy, outcome }) => `${remedy.target} ${outcome}`)).toEqual(["paymentd.service done"]);
    expect(proof?.findingsLeft).toEqual([]);
    expect(await findings()).toEqual([]);
  });

  test("the same version reinstalled is nothing old", async () => {
    const inode = () => sh("stat -c %i /usr/sbin/paymentd");
    const before = await inode();
    await sh("rpm --reinstall --nodeps /root/rpmbuild/RPMS/*/paymentd-1.1-1.*.rpm");
    expect(await inode()).not.toBe(before);
    expect(await findings()).toEqual([]);
  });

  test("a package that was removed leaves its service running what is no longer there: a person is asked", async () => {
    await sh("rpm --erase --nodeps paymentd");
    expect(await findings()).toMatchObject([{ verdict: "removed", remedy: { automatic: false } }]);
    expect((await agent.json<ApplyDocument>("apply", "--yes", "--settle", "1s")).steps).toEqual([]);
  });
});

function slowSpec(post: string): string {
  return `Name: slow\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n${post}%files\n`;
}
