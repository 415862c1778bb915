import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "../lab/describe.ts";
import { upgradeLibssl } from "../lab/errata.ts";
import { exec, execOk, type Host } from "../lab/host.ts";
import { down, hostOf, up } from "../lab/lab.ts";
import { PackagedController } from "./packaged-controller.ts";
import { newPathsOn, type Packages, pathsOn, stagePackages } from "./packages.ts";

const name = `deb-sysv-${process.pid}`;
const patient = { timeout: 90_000, interval: 500 };

await describeLab("the agent's Debian package on a host with sysvinit", () => {
  let packages: Packages;
  let host: Host;
  let controller: PackagedController;
  let before: ReadonlySet<string>;

  beforeAll(async () => {
    packages = await stagePackages("deb", 1);
    const lab = await up({ name, hosts: 1, init: "sysvinit", payload: packages.directory });
    host = hostOf(lab, 1);
    before = await pathsOn(host);
    controller = await PackagedController.start(lab);
  });
  afterAll(async () => {
    await controller?.remove();
    await down(name);
    await packages?.remove();
  });

  const sh = async (script: string) => (await execOk(host, ["sh", "-euc", script], { timeoutMs: 120_000 })).trim();
  const service = async (verb: string) => (await exec(host, ["service", "afterpatch-agent", verb])).code;
  const install = (version: string) => sh(`dpkg --install /opt/afterpatch/afterpatch-agent_${version}_*.deb 2>&1`);
  const ours = async () => (await newPathsOn(host, before)).filter((path) => /afterpatch/.test(path));

  test("is installed: linked into the runlevels, not running before it is enrolled", async () => {
    await install(packages.version);
    expect(await sh("ls /etc/rc2.d /etc/rc6.d")).toMatch(/S\d+afterpatch-agent[\s\S]*K\d+afterpatch-agent/);
    expect(await service("status")).toBe(3);
    expect(await service("start")).toBe(6);
    expect(await service("status")).toBe(3);
  });

  test("is enrolled, started by its script, and connected", async () => {
    await controller.enrol(host);
    expect(await service("start")).toBe(0);
    expect(await service("status")).toBe(0);
    await expect
      .poll(async () => (await controller.status()).map(({ state }) => state), patient)
      .toEqual(["connected"]);
  });

  test("is woken by dpkg; a rollout restarts what is old by its scripts, the upgraded agent last", async () => {
    await upgradeLibssl(host);
    const [newer] = packages.newer;
    await install(newer);
    const counts = async () => (await controller.status()).map(({ findings }) => (findings?.service ?? 0) > 1);
    await expect.poll(counts, patient).toEqual([true]);
    const start = ["rollout", "start", "role=web", "--reason", "DSA-6001", "--yes", "-o", "json"];
    const { hosts } = JSON.parse(await controller.cliOk(...start)) as {
      hosts: { steps: { remedy: { target: string }; outcome: string }[] }[];
    };
    const done = hosts.flatMap(({ steps }) => steps.map(({ remedy, outcome }) => `${remedy.target} ${outcome}`));
    expect(done).toContain("ssh done");
    expect(done.at(-1)).toBe("afterpatch-agent done");
    await expect.poll(async () => (await controller.status())[0]?.agentVersion, patient).toBe(newer);
    expect(await service("status")).toBe(0);
  });

  test("is removed: conffiles stay, and nothing else; purge takes those", async () => {
    await sh("dpkg --remove afterpatch-agent 2>&1");
    expect(await ours()).toEqual([
      "/etc/afterpatch",
      "/etc/afterpatch/agent.yaml",
      "/etc/init.d/afterpatch-agent",
      "/etc/logrotate.d/afterpatch-agent",
    ]);
    expect((await exec(host, ["pgrep", "-f", "afterpatch-agent"])).stdout).toBe("");
    await sh("dpkg --purge afterpatch-agent 2>&1");
    expect(await ours()).toEqual([]);
    expect((await exec(host, ["sh", "-c", "ls -d /run/afterpatch /var/log/afterpatch"])).stdout).toBe("");
  });
});
