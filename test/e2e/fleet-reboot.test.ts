import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { must } from "../lab/commands.ts";
import { keepBootIdInSight } from "../lab/boot-id-in-sight.ts";
import { describeLab } from "../lab/describe.ts";
import { bootId, exec, execOk, type Host, switchOff } from "../lab/host.ts";
import { down, hostOf, type Lab, up } from "../lab/lab.ts";
import { until } from "../lab/processes.ts";
import { execOnSwitch } from "../lab/switch.ts";
import { built, type Payload, stagePayload } from "./payload.ts";

// A fleet that reboots for real, the host that the controller runs on among them. Kernels are this machine's and unknown to
// the hosts: a person orders it.

const DATA = "/var/lib/afterpatch/controller";

/** Both web hosts at once, and not much time to come back. */
const TWO = `apiVersion: afterpatch/v1
kind: Rollout
reason: new firmware
select: "web01,web02"
actions: {reboot: always}
waves: [{name: all, ramp: [2]}]
timing: {begin: 10s, deadline: 1m, reboot: 1m, rebootSettle: 5s}
unreachable: wait 0s
`;

interface Rollout {
  readonly id: string;
  readonly state: string;
  readonly why: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly state: string;
    readonly reason: string | null;
    readonly changedAt: number;
    readonly steps: readonly {
      readonly id: string;
      readonly outcome: string;
      readonly evidence: string;
      readonly startedAt: number;
    }[];
  }[];
}

await describeLab("a fleet that is rebooted, its controller's host too", () => {
  let payload: Payload;
  let lab: Lab;
  let credentials: string;
  let ctl: Host;
  let web: Host;
  let lost: Host;

  beforeAll(async () => {
    payload = await stagePayload();
    credentials = await mkdtemp(join(tmpdir(), "afterpatch-operator-"));
    lab = await up({
      name: `rbc-${process.pid % 100_000}`,
      hosts: ["ctl01", "web01", "web02"],
      payload: payload.directory,
    });
    [ctl, web, lost] = [hostOf(lab, "ctl01"), hostOf(lab, "web01"), hostOf(lab, "web02")];
    await serve();
    const token = await cliOk("token", "create", "--uses", "3");
    await Promise.all([ctl, web, lost].map((host) => enrol(host, token)));
    await until("agents connected", 60_000, async () => ((await connected()) === 3 ? true : undefined));
  });
  afterAll(async () => {
    if (lab) await down(lab.name);
    await payload?.remove();
    await rm(credentials, { recursive: true, force: true });
  });

  test("the controller works under the unit that is shipped, as a user of its own, and is copied while it does", async () => {
    const user = await execOk(ctl, ["sh", "-c", "ps -o user= -p $(systemctl show -P MainPID afterpatch-controller)"]);
    expect(user.trim()).toBe("afterpatch");
    const backup = `afterpatch-controller backup --data-dir ${DATA} --out /root/backup`;
    expect(await execOk(ctl, ["sh", "-c", backup])).toContain("Backup of 3 hosts is in /root/backup");
  });

  test("nothing of it is decided by the tool", async () => {
    const { stdout } = await cli("plan", "all");
    expect(stdout).not.toContain("reboot");
  });

  test("an ordered reboot takes them one after the other, the controller's host last and alone", async () => {
    const plan = await cliOk("plan", "ctl01,web01", "--serial", "2", "--reboot", "always");
    expect(plan).toMatch(
      /web01.*ctl01\n {4}reboot host: .* The controller runs on this host: it comes last and alone/s,
    );
    expect(plan).toContain("\n2 hosts reboot: ");
    const before = [await bootId(web), await bootId(ctl)];
    const about = ["--reason", "new firmware", "--message", "new firmware", "--serial", "2"];
    const { code, stdout, stderr } = await cli("reboot", "ctl01,web01", ...about, "--yes", "-o", "json");
    const rollout = JSON.parse(stdout) as Rollout;
    expect([code, rollout.state, rollout.why], stderr).toEqual([0, "finished", ""]);
    const after = [await bootId(web), await bootId(ctl)];
    for (const [index, name] of ["web01", "ctl01"].entries()) {
      expect(after[index]).not.toBe(before[index]);
      const host = rollout.hosts.find((one) => one.name === name);
      expect(host?.state).toMatch(/^done/);
      expect(host?.steps.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(["reboot:host done"]);
      expect(host?.steps[0]?.evidence).toContain(after[index]);
    }
    const [first, last] = ["web01", "ctl01"].map((name) => rollout.hosts.find((one) => one.name === name));
    expect(last?.steps[0]?.startedAt).toBeGreaterThan(first?.changedAt ?? Number.POSITIVE_INFINITY);
    expect(stderr).toMatch(
      /web01 returning.*web01 done.*ctl01 permitted.*lost the controller.*the controller is back/s,
    );
    expect(await intents(web)).toBe(1);
    expect(await intents(ctl)).toBe(1);
  });

  test("two never begin within 10 s; one that does not come back is charged, and stops the rollout", async () => {
    const file = join(credentials, "rollout.yaml");
    await writeFile(file, TWO);
    const rollout = cli("rollout", "start", "-f", file, "--yes", "-o", "json");
    const state = async () => (await now()).hosts.find(({ name }) => name === "web02")?.state;
    await expect.poll(state, { timeout: 120_000, interval: 300 }).toBe("returning");
    await switchOff(lost);
    const { code, stdout, stderr } = await rollout;
    const ended = JSON.parse(stdout) as Rollout;
    expect([code, ended.state], stderr).toEqual([3, "halted"]);
    expect(ended.why).toMatch(/^1 failed \(web02\)/);
    expect(ended.hosts.map(({ name, state }) => `${name} ${state.replace("-with-residue", "")}`)).toEqual([
      "web01 done",
      "web02 unreachable",
    ]);
    expect(ended.hosts[1]?.reason).toMatch(/^not back \d+ min after its reboot began/);
    const events = (await cliOk("rollout", "history", ended.id, "-o", "jsonl")).trim().split("\n");
    const permits = events
      .map((line) => JSON.parse(line) as { type: string; at: number })
      .filter(({ type }) => type === "permitted");
    expect(permits).toHaveLength(2);
    // The brake goes by the clock that nobody sets, these instants by the other one, which is slewed meanwhile.
    expect((permits[1]?.at ?? 0) - (permits[0]?.at ?? 0)).toBeGreaterThanOrEqual(9_900);
    // Also for rollouts after this one, until it has proved itself or a person writes it off.
    const { hosts } = JSON.parse(await cliOk("status", "web02", "-o", "json")) as { hosts: { charge: unknown }[] };
    expect(hosts[0]?.charge).toMatchObject({ rollout: ended.id });
  });

  async function serve(): Promise<void> {
    const unit = "afterpatch-controller.service";
    const bring = [
      "ln -s /opt/afterpatch/bin/afterpatch-controller /usr/bin/",
      "cp /opt/afterpatch/systemd/afterpatch-controller.sysusers.conf /usr/lib/sysusers.d/afterpatch-controller.conf",
      "systemd-sysusers afterpatch-controller.conf",
      `install -d -m 0700 -o afterpatch -g afterpatch ${DATA}`,
      `afterpatch-controller init --data-dir ${DATA} --name ctl01`,
      `cp /opt/afterpatch/systemd/${unit} /etc/systemd/system/`,
    ];
    await execOk(ctl, ["sh", "-euc", bring.join("\n")]);
    await keepBootIdInSight(ctl, unit);
    await execOk(ctl, ["systemctl", "enable", "--now", "--quiet", unit]);
    const archive = await execOk(ctl, ["sh", "-c", `tar -C ${DATA}/admin -c . | base64 -w0`]);
    await must(["tar", "-C", credentials, "-x"], { input: Buffer.from(archive, "base64") });
    await until("controller up", 60_000, async () => ((await cli("status")).code === 0 ? true : undefined));
  }

  function cli(...args: readonly string[]) {
    const env = { PATH: process.env.PATH ?? "", AFTERPATCH_CREDENTIALS: credentials };
    return execOnSwitch(lab, [...built("cli", "afterpatch"), ...args], { env, timeoutMs: 540_000 });
  }

  async function cliOk(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cli(...args);
    if (code !== 0) throw new Error(`afterpatch ${args.join(" ")}: exit ${code}: ${stderr}`);
    return stdout;
  }

  async function now(): Promise<Rollout> {
    return JSON.parse((await cli("rollout", "status", "-o", "json")).stdout) as Rollout; // its contract
  }

  async function connected(): Promise<number> {
    const { hosts } = JSON.parse(await cliOk("status", "-o", "json")) as { hosts: { state: string }[] };
    return hosts.filter(({ state }) => state === "connected").length;
  }
});

async function enrol(host: Host, token: string): Promise<void> {
  await put(host, "/etc/afterpatch/agent.yaml", "caps: { minimumUptime: 0s, reboots: 24 }\n");
  await execOk(host, ["ln", "-s", "/opt/afterpatch/bin/afterpatch-agent", "/usr/bin/afterpatch-agent"]);
  await execOk(host, ["cp", "/opt/afterpatch/systemd/afterpatch-agent.service", "/etc/systemd/system/"]);
  await keepBootIdInSight(host, "afterpatch-agent.service");
  const enroll = ["afterpatch-agent", "enroll", "--controller", "ctl01:7444", "--token-file", "-"];
  await execOk(host, [...enroll, "--name", host.name], { input: token });
  await execOk(host, ["systemctl", "enable", "--now", "--quiet", "afterpatch-agent.service"]);
}

function put(host: Host, path: string, text: string): Promise<string> {
  return execOk(host, ["sh", "-euc", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "sh", path], { input: text });
}

/** How many effects the agent's journal says were begun. */
async function intents(host: Host): Promise<number> {
  const { stdout } = await exec(host, ["sh", "-c", "cat /var/lib/afterpatch/agent/journal.jsonl"]);
  return [...stdout.matchAll(/"type":"intent"/g)].length;
}
