import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keepBootIdInSight } from "../lab/boot-id-in-sight.ts";
import { describeLab } from "../lab/describe.ts";
import { upgradeLibssl } from "../lab/errata.ts";
import { exec, execOk, type Host, spawnInside } from "../lab/host.ts";
import { down, hostOf, up } from "../lab/lab.ts";
import { newPathsOn, type Packages, pathsOn, stagePackages } from "./packages.ts";

const name = `deb-${process.pid}`;
const AGENT = "afterpatch-agent.service";
const CONTROLLER = "afterpatch-controller.service";
const DATA = "/var/lib/afterpatch/controller";
const patient = { timeout: 90_000, interval: 500 };

interface Status {
  readonly hosts: readonly { name: string; state: string; agentVersion: string; findings: { service: number } }[];
}

interface Rollout {
  readonly id: string;
  readonly state: string;
  readonly hosts: readonly { name: string; state: string; steps: { remedy: { target: string }; outcome: string }[] }[];
}

await describeLab("Debian packages on hosts with systemd", () => {
  let packages: Packages;
  let hub: Host;
  let web: readonly Host[];
  const before = new Map<string, ReadonlySet<string>>();

  beforeAll(async () => {
    packages = await stagePackages("deb");
    const lab = await up({ name, hosts: ["hub", "web01", "web02"], payload: packages.directory });
    hub = hostOf(lab, 1);
    web = [hostOf(lab, 2), hostOf(lab, 3)];
    for (const host of lab.hosts) before.set(host.name, await pathsOn(host));
  });
  afterAll(async () => {
    await down(name);
    await packages?.remove();
  });

  const sh = (host: Host, script: string, input = "") =>
    execOk(host, ["sh", "-euc", script], { timeoutMs: 120_000, input }).then((text) => text.trim());
  const install = (host: Host, file: string) => sh(host, `dpkg --install /opt/afterpatch/${file}_*.deb 2>&1`);
  const agentDeb = (version: string) => `dpkg --install /opt/afterpatch/afterpatch-agent_${version}_*.deb 2>&1`;
  const stateOf = async (host: Host, unit: string) =>
    (await exec(host, ["systemctl", "show", "-P", "UnitFileState", "-P", "ActiveState", unit])).stdout
      .trim()
      .split("\n");
  const cli = (...words: readonly string[]) => execOk(hub, ["afterpatch", ...words], { timeoutMs: 300_000 });
  const status = async () => JSON.parse(await cli("status", "-o", "json")) as Status;
  const startOf = (host: Host, unit: string) => sh(host, `systemctl show -P ExecMainStartTimestampMonotonic ${unit}`);

  describe("the controller and the command line", () => {
    test("are installed: a user, a directory of its own, a unit that waits for a CA", async () => {
      await install(hub, `afterpatch-controller_${packages.version}`);
      await install(hub, `afterpatch_${packages.version}`);
      expect(await stateOf(hub, CONTROLLER)).toEqual(["inactive", "enabled"]);
      expect(await sh(hub, `stat -c '%U:%G %a' ${DATA}; getent passwd afterpatch | cut -d: -f6,7`)).toBe(
        `afterpatch:afterpatch 700\n${DATA}:/usr/sbin/nologin`,
      );
      await sh(hub, `systemctl start ${CONTROLLER}`);
      expect(await stateOf(hub, CONTROLLER)).toEqual(["inactive", "enabled"]);
    });

    test("run once there is a CA, by its own user; the command line finds it with the admin's credentials", async () => {
      await keepBootIdInSight(hub, CONTROLLER);
      await sh(hub, `afterpatch-controller init --data-dir ${DATA} --name hub && systemctl daemon-reload`);
      await sh(hub, `mkdir -p ~/.config && cp -r ${DATA}/admin ~/.config/afterpatch`);
      // However long it takes to open its ports: it has started when it answers.
      const slow = `ExecStart=\\nExecStart=/bin/sh -c "sleep 3; exec /usr/bin/afterpatch-controller serve --data-dir ${DATA}"`;
      const dropIn = "/run/systemd/system/afterpatch-controller.service.d/slow.conf";
      await sh(
        hub,
        `mkdir -p $(dirname ${dropIn}); printf '[Service]\\n${slow}\\n' >${dropIn}; systemctl daemon-reload`,
      );
      await sh(hub, `systemctl start ${CONTROLLER}; afterpatch status`);
      await sh(hub, `rm ${dropIn}; systemctl daemon-reload; systemctl restart ${CONTROLLER}; afterpatch status`);
      expect(await sh(hub, `ps -o user:20= -p "$(systemctl show -P MainPID ${CONTROLLER})"`)).toBe("afterpatch");
      expect(await sh(hub, "afterpatch --version")).toBe(packages.version);
    });

    test("bring completion, licences, changelogs and a bill of materials", async () => {
      expect(await sh(hub, "zcat /usr/share/doc/afterpatch/changelog.gz | head -1")).toBe(
        `afterpatch (${packages.version}) unstable; urgency=medium`,
      );
      expect(await sh(hub, "zcat /usr/share/doc/afterpatch/CHANGELOG.md.gz | head -1")).toBe("# Changelog");
      expect(
        await sh(hub, "bash -c '. /usr/share/bash-completion/completions/afterpatch && complete -p afterpatch'"),
      ).toContain("afterpatch");
      expect(await sh(hub, "head -1 /usr/share/doc/afterpatch/copyright")).toContain("afterpatch is licensed");
      const sbom = JSON.parse(await sh(hub, "zcat /usr/share/doc/afterpatch/sbom.cdx.json.gz"));
      expect(sbom.components.map((one: { name: string }) => one.name)).toEqual(
        expect.arrayContaining(["grpc-js", "node", "openssl"]),
      );
    });
  });

  describe("the agent", () => {
    test("is installed: enabled, not running, and useful at once", async () => {
      for (const host of web) {
        await install(host, `afterpatch-agent_${packages.version}`);
        await sh(host, `systemctl start ${AGENT}`);
        expect(await stateOf(host, AGENT)).toEqual(["inactive", "enabled"]);
        const scan = JSON.parse(await sh(host, "afterpatch-agent scan --format json"));
        expect(scan).toMatchObject({ schema: "afterpatch.scan/v1", findings: [] });
        expect(await sh(host, "afterpatch-agent config check")).not.toMatch(/protected|never/i);
      }
    });

    test("is enrolled, started and connected", async () => {
      const token = await cli("token", "create", "--uses", "2", "--label", "role=web");
      for (const host of web) {
        await keepBootIdInSight(host, AGENT);
        const words = [
          "afterpatch-agent",
          "enroll",
          "--controller",
          "hub:7444",
          "--token-file",
          "-",
          "--name",
          host.name,
        ];
        await execOk(host, words, { input: token });
        await sh(host, `systemctl daemon-reload; systemctl start ${AGENT}`);
      }
      const states = async () =>
        (await status()).hosts.map((host) => `${host.name} ${host.state} ${host.agentVersion}`);
      const { version } = packages;
      await expect.poll(states, patient).toEqual([`web01 connected ${version}`, `web02 connected ${version}`]);
    });

    test("is woken by dpkg: what an upgrade left old is known without being asked for", async () => {
      expect((await status()).hosts.map(({ findings }) => findings.service)).toEqual([0, 0]);
      for (const host of web) await upgradeLibssl(host);
      const counts = async () => (await status()).hosts.map(({ findings }) => findings.service > 0);
      await expect.poll(counts, patient).toEqual([true, true]);
    });
  });

  describe("an upgrade of the agent's package", () => {
    test("leaves it running; it is the last that a rollout would restart", async () => {
      const started = await startOf(hostOf2(), AGENT);
      for (const host of web) await sh(host, agentDeb(packages.newer[0]));
      expect(await startOf(hostOf2(), AGENT)).toBe(started);
      const plan = JSON.parse(await cli("plan", "role=web", "-o", "json")) as {
        waves: { hosts: { steps: { remedy: { target: string } }[] }[] }[];
      };
      const targets = plan.waves.flatMap(({ hosts }) =>
        hosts.map(({ steps }) => steps.map((step) => step.remedy.target)),
      );
      expect(targets).toHaveLength(2);
      for (const steps of targets) {
        expect(steps).toContain("ssh.service");
        expect(steps.at(-1)).toBe(AGENT);
      }
    });

    test("once more while a rollout runs: every service restarted once, the agent last, its journal goes on", async () => {
      const ssh = await Promise.all(web.map((host) => startOf(host, "ssh.service")));
      const rollout = await spawnInside(hub, [
        ...["afterpatch", "rollout", "start", "role=web", "--serial", "1", "--reason", "DSA-6001", "--yes"],
      ]);
      const lines = linesOf(rollout);
      const first = await lines.until(/(web0[12]) acting/);
      const [waiting] = web.filter((host) => host.name !== first[1]);
      if (!waiting) throw new Error(`${first[1]} is no host of the rollout`);
      await sh(waiting, agentDeb(packages.newer[1]));
      const ended = await lines.end();
      expect(`${ended.code}: ${ended.text}`).toMatch(/^0: /);
      const [newest] = JSON.parse(await cli("rollout", "list", "-o", "json")).rollouts as { id: string }[];
      const { hosts } = JSON.parse(await cli("rollout", "status", newest?.id ?? "", "-o", "json")) as Rollout;
      for (const host of hosts) {
        expect(host.state).toMatch(/^done/);
        const done = host.steps.map(({ remedy, outcome }) => `${remedy.target} ${outcome}`);
        expect(done.at(-1)).toBe(`${AGENT} done`);
        expect(new Set(done).size).toBe(done.length);
      }
      const versions = web.map((host) => packages.newer[host === waiting ? 1 : 0]);
      await expect.poll(async () => (await status()).hosts.map((host) => host.agentVersion), patient).toEqual(versions);
      const after = await Promise.all(web.map((host) => startOf(host, "ssh.service")));
      expect(after.map((start, index) => Number(start) > Number(ssh[index]))).toEqual([true, true]);
    });

    test("a second rollout finds nothing to do", async () => {
      const again = await cli("rollout", "start", "role=web", "--reason", "DSA-6001 again", "--yes");
      expect(again).toContain("Nothing to do");
    });
  });

  describe("a removal", () => {
    const CONFFILES = [
      "/etc/afterpatch",
      "/etc/afterpatch/agent.yaml",
      "/etc/init.d/afterpatch-agent",
      "/etc/logrotate.d/afterpatch-agent",
    ];

    test.each([
      ["agent", AGENT],
      ["controller", CONTROLLER],
    ])("of the %s that fails half-way leaves it running", async (part, unit) => {
      const host = part === "agent" ? hostOf2() : hub;
      const began = await startOf(host, unit);
      const prerm = `/var/lib/dpkg/info/afterpatch-${part}.prerm`;
      await sh(host, `cp -p ${prerm} /root/prerm; echo 'exit 1' >>${prerm}`);
      const { code, stderr } = await exec(host, ["dpkg", "--remove", `afterpatch-${part}`]);
      await sh(host, `mv /root/prerm ${prerm}`);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("pre-removal") });
      expect(await stateOf(host, unit)).toEqual(["active", "enabled"]);
      expect(await startOf(host, unit)).not.toBe(began);
    });

    test("of the agent leaves conffiles and nothing else, and purge not even those", async () => {
      const [host] = web;
      if (!host) throw new Error("no host");
      // What the lab itself put there, and what was upgraded meanwhile.
      await sh(host, `rm -r /etc/systemd/system/${AGENT}.d`);
      await sh(host, "dpkg --remove afterpatch-agent 2>&1");
      expect((await newPathsOn(host, known(host))).filter(isOurs)).toEqual(CONFFILES);
      expect((await exec(host, ["pgrep", "-f", "afterpatch-agent"])).stdout).toBe("");
      expect((await exec(host, ["sh", "-c", "ls -d /run/afterpatch /var/log/afterpatch"])).stdout).toBe("");
      await sh(host, "dpkg --purge afterpatch-agent 2>&1");
      expect((await newPathsOn(host, known(host))).filter(isOurs)).toEqual([]);
    });

    test("of the controller keeps its CA and reports until purge", async () => {
      await sh(hub, `rm -r /etc/systemd/system/${CONTROLLER}.d`);
      await sh(hub, "dpkg --remove afterpatch-controller afterpatch 2>&1");
      expect(await sh(hub, `ls ${DATA}`)).toContain("controller.db");
      await sh(hub, "dpkg --purge afterpatch-controller afterpatch 2>&1");
      expect((await newPathsOn(hub, known(hub))).filter(isOurs)).toEqual([]);
    });
  });

  const hostOf2 = () => web[1] ?? hub;
  const known = (host: Host) => before.get(host.name) ?? new Set<string>();
  const isOurs = (path: string) => /afterpatch/.test(path) && !path.startsWith("/opt/afterpatch");
});

/** What a program says, a line at a time. */
function linesOf(child: ChildProcess) {
  let text = "";
  const waiting: { readonly pattern: RegExp; readonly resolve: (found: RegExpExecArray) => void }[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      for (const { pattern, resolve } of waiting) {
        const found = pattern.exec(text);
        if (found) resolve(found);
      }
    });
  const ended = once(child, "exit").then(([code]) => ({ code: code as number | null, text }));
  return {
    end: () => ended,
    until: (pattern: RegExp) =>
      Promise.race([
        new Promise<RegExpExecArray>((resolve) => {
          const found = pattern.exec(text);
          if (found) resolve(found);
          else waiting.push({ pattern, resolve });
        }),
        ended.then((end) => Promise.reject<never>(new Error(`ended with ${end.code} before ${pattern}: ${end.text}`))),
      ]),
  };
}
