import { afterAll, beforeAll, expect, test } from "vitest";
import { keepBootIdInSight } from "../lab/boot-id-in-sight.ts";
import { describeLab } from "../lab/describe.ts";
import { exec, execOk, type Host } from "../lab/host.ts";
import { down, hostOf, up } from "../lab/lab.ts";
import { replaceBuild } from "../lab/rebuild.ts";
import { PackagedController } from "./packaged-controller.ts";
import { newPathsOn, type Packages, pathsOn, stagePackages } from "./packages.ts";

const name = `rpm-packages-${process.pid}`;
const AGENT = "afterpatch-agent.service";
const ZYPPER = "zypper --non-interactive --no-gpg-checks --no-refresh";
const TINY = `Name: tiny
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/share/tiny
%files
/usr/share/tiny
`;
const patient = { timeout: 90_000, interval: 500 };

await describeLab("the agent's rpm package", () => {
  let packages: Packages;
  let host: Host;
  let controller: PackagedController;
  let before: ReadonlySet<string>;

  beforeAll(async () => {
    packages = await stagePackages("rpm", 1);
    const lab = await up({ name, hosts: 1, packages: ["rpm", "dnf", "zypper"], payload: packages.directory });
    host = hostOf(lab, 1);
    await becomeRpmHost();
    before = await pathsOn(host);
    controller = await PackagedController.start(lab);
  });
  afterAll(async () => {
    await controller?.remove();
    await down(name);
    await packages?.remove();
  });

  const sh = async (script: string, input = "") =>
    (await execOk(host, ["sh", "-euc", script], { timeoutMs: 120_000, input })).trim();
  const file = (version: string) => `/opt/afterpatch/afterpatch-agent-${version}-1.*.rpm`;
  const stateOf = async () => (await exec(host, ["systemctl", "show", "-P", "ActiveState", AGENT])).stdout.trim();
  const ours = async () =>
    (await newPathsOn(host, before)).filter((path) => /afterpatch/.test(path) && !path.includes(`${AGENT}.d`));

  /** Debian's own database goes; that of rpm knows of one package, which provides the libraries that the host has. */
  async function becomeRpmHost(): Promise<void> {
    await sh(`rm -rf /var/lib/dpkg /var/log/dpkg.log; mkdir -p /etc/rpm /var/lib/rpm
      echo '%_dbpath /var/lib/rpm' >>/etc/rpm/macros; rpm --initdb`);
    const needed = await sh(
      `rpm -qp --requires ${file(packages.version)} | grep -E '^lib|^ld-|^rtld|^/bin/sh' | sort -u`,
    );
    const provides = needed.split("\n").map((line) => `Provides: ${line}`);
    const spec = `Name: base-system\nVersion: 12\nRelease: 1\nSummary: x\nLicense: x\n${provides.join("\n")}\n%description\nx\n%files\n`;
    await sh("cat >/root/base.spec; rpmbuild -bb /root/base.spec >/dev/null 2>&1", spec);
    await sh("rpm --install /root/rpmbuild/RPMS/*/base-system-12-1.*.rpm");
  }

  test("rpm -i: it is installed and waits for enrolment", async () => {
    await sh(`rpm --install ${file(packages.version)}`);
    expect(await stateOf()).toBe("inactive");
    expect(
      await sh("rpm --verify afterpatch-agent; rpm -q --queryformat '%{VERSION} %{LICENSE}' afterpatch-agent"),
    ).toBe(`${packages.version} Apache-2.0`);
    expect(JSON.parse(await sh("afterpatch-agent scan --format json"))).toMatchObject({ findings: [] });
  });

  test("is enrolled and connected; a scan and an apply on the host", async () => {
    await keepBootIdInSight(host, AGENT);
    await controller.enrol(host);
    await sh(`systemctl daemon-reload; systemctl enable --now --quiet ${AGENT}`);
    await expect
      .poll(async () => (await controller.status()).map(({ state }) => state), patient)
      .toEqual(["connected"]);
    await replaceBuild(host, "/usr/sbin/cron");
    const scan = JSON.parse(await sh("afterpatch-agent scan --format json"));
    expect(scan.findings).toMatchObject([{ owner: { name: "cron.service" } }]);
    const applied = JSON.parse(await sh("afterpatch-agent apply --yes --settle 1s -o json"));
    expect(applied).toMatchObject({ steps: [{ outcome: "done" }], proof: { findingsLeft: [] } });
  });

  test.each([
    ["dnf", "dnf --quiet install --assumeyes", "dnf --quiet remove --assumeyes"],
    ["zypper", `${ZYPPER} install --allow-unsigned-rpm`, `${ZYPPER} remove`],
  ])("%s touches the file that wakes it, when it installs and when it removes", async (_tool, install, remove) => {
    const build = "rpmbuild -bb /root/tiny.spec >/dev/null 2>&1; echo /root/rpmbuild/RPMS/noarch/tiny-1-1.noarch.rpm";
    const tiny = await sh(`cat >/root/tiny.spec; ${build}`, TINY);
    const touched = () => sh("stat -c %y /run/afterpatch/wake");
    await sh("touch --date=@0 /run/afterpatch/wake");
    const times = [await touched()];
    for (const command of [`${install} ${tiny}`, `${remove} tiny`]) {
      await sh(`${command} >/dev/null 2>&1`);
      times.push(await touched());
    }
    expect(new Set(times).size).toBe(3);
  });

  test("rpm -U: the agent goes on, and a rollout restarts it as the last", async () => {
    const [newer] = packages.newer;
    const pid = await sh(`systemctl show -P MainPID ${AGENT}`);
    await sh(`echo '# ours' >>/etc/afterpatch/agent.yaml; rpm --upgrade ${file(newer)}`);
    expect(await sh(`systemctl show -P MainPID ${AGENT}`)).toBe(pid);
    const counts = async () => (await controller.status()).map(({ findings }) => (findings?.service ?? 0) > 0);
    await expect.poll(counts, patient).toEqual([true]);
    const start = ["rollout", "start", "role=web", "--reason", "a newer agent", "--yes", "-o", "json"];
    expect(JSON.parse(await controller.cliOk(...start))).toMatchObject({
      hosts: [{ steps: [{ remedy: { target: AGENT }, outcome: "done" }] }],
    });
    await expect.poll(async () => (await controller.status())[0]?.agentVersion, patient).toBe(newer);
    expect(await sh("tail -n 1 /etc/afterpatch/agent.yaml")).toBe("# ours");
  });

  test("rpm -e leaves the changed configuration under another name, and nothing else", async () => {
    await sh("rpm --erase afterpatch-agent 2>/dev/null");
    expect(await ours()).toEqual(["/etc/afterpatch", "/etc/afterpatch/agent.yaml.rpmsave"]);
    expect((await exec(host, ["pgrep", "-f", "afterpatch-agent"])).stdout).toBe("");
    expect((await exec(host, ["sh", "-c", "ls -d /run/afterpatch /var/log/afterpatch"])).stdout).toBe("");
  });
});
