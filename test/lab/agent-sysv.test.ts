import { afterAll, beforeAll, expect, test } from "vitest";
import { LabFleet } from "../e2e/fleet.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host } from "./host.ts";
import { replaceBuild } from "./rebuild.ts";

const AGENT = "afterpatch-agent";
const NODE = "/usr/lib/afterpatch/node";
const JOURNAL = "/var/lib/afterpatch/agent/journal.jsonl";

interface Rollout {
  readonly state: string;
  readonly hosts: readonly {
    readonly state: string;
    readonly steps: readonly {
      readonly remedy: { readonly target: string };
      readonly outcome: string;
      readonly evidence: string;
    }[];
  }[];
}

await describeLab("an agent on a host whose init is sysvinit", () => {
  let fleet: LabFleet;
  let host: Host;

  beforeAll(async () => {
    fleet = await LabFleet.make(`sysv-${process.pid % 1000}`, 1, () => {}, { init: "sysvinit" });
    const [first] = fleet.hosts;
    if (!first) throw new Error("the fleet has no host");
    host = first;
    // A Node of its own, on the host's disk, in place of the single executable of a package.
    const program = `#!/bin/sh\nexec ${NODE} /opt/afterpatch/agent/afterpatch-agent.mjs "$@"\n`;
    await execOk(host, ["sh", "-c", `install -D /opt/afterpatch/node ${NODE}; rm /usr/bin/${AGENT}`]);
    await execOk(host, ["sh", "-c", `cat >/usr/bin/${AGENT}; chmod 755 /usr/bin/${AGENT}`], { input: program });
    await sh(`sed -i 's,^# processname: .*,# processname: ${NODE},' /etc/init.d/${AGENT}`);
    await sh(`service ${AGENT} restart`);
    await fleet.untilConnected();
  });
  afterAll(async () => {
    await fleet?.remove();
  });

  const sh = async (script: string) => (await execOk(host, ["sh", "-euc", script])).trim();
  const service = async (verb: string) => (await exec(host, ["service", AGENT, verb], { timeoutMs: 120_000 })).code;
  const pid = () => sh("cat /run/afterpatch/agent.pid");
  const agents = () => sh(`pgrep -f '^${NODE} .*${AGENT}.mjs run'`);

  /** Another build of the same program: a copy with another build-id each time. */
  let builds = 0;
  const upgradeNode = async () => {
    const letter = String.fromCharCode(65 + builds++);
    const other = `s/(\\x04\\0\\0\\0\\x14\\0\\0\\0\\x03\\0\\0\\0GNU\\0).{20}/$1."${letter}"x20/se`;
    const script = `perl -0777 -pe "$0" <${NODE} >${NODE}.new && chmod 755 ${NODE}.new && mv ${NODE}.new ${NODE}`;
    await execOk(host, ["sh", "-c", script, other]);
  };

  /** A daemon with a script, whose program was replaced since it was started. */
  async function oldDaemon(name: string): Promise<void> {
    const daemon = `--pidfile /run/${name}.pid --exec /opt/${name}`;
    const text = `#!/bin/sh
case "$1" in
start) start-stop-daemon --start --background --make-pidfile ${daemon} -- 4242 ;;
stop) start-stop-daemon --stop --retry 5 ${daemon} ;;
restart) "$0" stop; "$0" start ;;
status) start-stop-daemon --status ${daemon} ;;
esac
`;
    await execOk(host, ["sh", "-c", 'cat >"$0"; chmod 755 "$0"', `/etc/init.d/${name}`], { input: text });
    await sh(`cp /bin/sleep /opt/${name}; service ${name} start`);
    await replaceBuild(host, `/opt/${name}`);
  }

  test("its script tells how it is, and does what it is told", async () => {
    expect([await service("status"), await service("start"), await agents()]).toEqual([0, 0, await pid()]);
    const first = await pid();
    expect([await service("reload"), await service("force-reload"), await pid()]).toEqual([0, 0, first]);
    expect([await service("try-restart"), (await pid()) === first]).toEqual([0, false]);
    expect([await service("stop"), await service("status"), await service("stop")]).toEqual([0, 3, 0]);
    expect([await service("reload"), await service("try-restart"), await service("status")]).toEqual([7, 0, 3]);
    expect([await service("start"), await service("status")]).toEqual([0, 0]);
    await sh('kill -9 "$(cat /run/afterpatch/agent.pid)"');
    await expect.poll(() => service("status"), { timeout: 10_000 }).toBe(1);
    expect([await service("restart"), await service("status"), await service("halt")]).toEqual([0, 0, 2]);
    await sh("mv /var/lib/afterpatch/agent/identity /root/");
    expect([await service("restart"), await service("status"), await service("start")]).toEqual([6, 0, 0]);
    await sh("mv /root/identity /var/lib/afterpatch/agent/");
    await fleet.untilConnected();
  });

  test("two restarts at once leave one agent, which is connected", async () => {
    expect(await Promise.all([service("restart"), service("restart")])).toEqual([0, 0]);
    expect(await agents()).toBe(await pid());
    await fleet.untilConnected();
  });

  test("a rollout restarts it last, and the new one finds out, proves and reports; nothing twice", async () => {
    await oldDaemon("other");
    await upgradeNode();
    const before = await pid();
    await fleet.cliOk("scan", "all");
    const begunAt = performance.now();
    const start = ["rollout", "start", "all", "--reason", "a new Node", "--yes", "-o", "json"];
    const { code, stdout, stderr } = await fleet.cli(...start);
    expect([code, stderr, code === 0 ? "" : stdout]).toEqual([0, expect.anything(), ""]);
    const { state, hosts } = JSON.parse(stdout) as Rollout;
    expect(state).toBe("finished");
    expect(hosts[0]?.state).toMatch(/^done/);
    expect(hosts[0]?.steps.map(({ remedy, outcome }) => `${remedy.target} ${outcome}`)).toEqual([
      "other done",
      `${AGENT} done`,
    ]);
    // It ended when it was told to: KILL would come after 90 s.
    expect(performance.now() - begunAt).toBeLessThan(80_000);
    expect(await pid()).not.toBe(before);
    expect(await agents()).toBe(await pid());
    const intents = (await sh(`cat ${JOURNAL}`))
      .split("\n")
      .filter((line) => line.includes('"type":"intent"') && line.includes(`"target":"${AGENT}"`));
    expect(intents).toHaveLength(1);
    expect((await fleet.cli("plan", "all", "--exit-code")).stdout).not.toContain(AGENT);
  });

  test("what it has restarted outlives it", async () => {
    const other = await sh("cat /run/other.pid");
    expect(await service("stop")).toBe(0);
    expect(await sh("readlink /proc/$(cat /run/other.pid)/exe; cat /run/other.pid")).toBe(`/opt/other\n${other}`);
    expect(await service("start")).toBe(0);
    await fleet.untilConnected();
  });

  test("an apply on the host restarts it as any other service", async () => {
    await upgradeNode();
    const before = await pid();
    const { code, stdout } = await exec(host, [AGENT, "apply", "--settle", "1s", "--yes", "-o", "json"], {
      timeoutMs: 120_000,
    });
    const { steps } = JSON.parse(stdout) as Rollout["hosts"][number];
    expect(steps.map(({ remedy, outcome }) => `${remedy.target} ${outcome}`)).toEqual([`${AGENT} done`]);
    expect([code, (await pid()) === before, await service("status")]).toEqual([0, false, 0]);
  });
});
