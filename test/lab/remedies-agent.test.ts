import { afterAll, beforeAll, expect, test } from "vitest";
import { LabFleet } from "../e2e/fleet.ts";
import { describeLab } from "./describe.ts";
import { execOk, type Host } from "./host.ts";
import { apply, bringDaemon, property, put, startDaemons, upgradeDaemons } from "./remedies/services.ts";

const AGENT = "afterpatch-agent.service";
const NODE = "/usr/lib/afterpatch/node";
const JOURNAL = "/var/lib/afterpatch/agent/journal.jsonl";
const patient = { timeout: 60_000, interval: 300 };

interface Rollout {
  readonly state: string;
  readonly hosts: readonly {
    readonly state: string;
    readonly steps: readonly {
      readonly remedy: { readonly target: string };
      readonly outcome: string;
      readonly evidence: string;
      readonly journal?: readonly string[];
    }[];
  }[];
}

await describeLab("an agent whose own Node was upgraded", () => {
  let fleet: LabFleet;
  let host: Host;

  beforeAll(async () => {
    fleet = await LabFleet.make(`own-${process.pid % 1000}`, 1, () => {});
    const [first] = fleet.hosts;
    if (!first) throw new Error("the fleet has no host");
    host = first;
    await bringDaemon(host);
    // As a package brings it: a Node of its own, on the host's disk.
    await execOk(host, ["install", "-D", "/opt/afterpatch/node", NODE]);
    const start = `[Service]\nExecStart=\nExecStart=${NODE} /opt/afterpatch/agent/afterpatch-agent.mjs run\n`;
    await put(host, `/etc/systemd/system/${AGENT}.d/own-node.conf`, start, "644");
    await startDaemons(host, [{ name: "other" }]);
    await restartAgent();
  });
  afterAll(async () => {
    await fleet?.remove();
  });

  const restartAgent = async () => {
    await execOk(host, ["sh", "-c", `systemctl daemon-reload && systemctl restart ${AGENT}`]);
    await fleet.untilConnected();
  };

  /** Another build of the same program: a copy with another build-id each time. */
  let builds = 0;
  const upgradeNode = async () => {
    const letter = String.fromCharCode(65 + builds++);
    const other = `s/(\\x04\\0\\0\\0\\x14\\0\\0\\0\\x03\\0\\0\\0GNU\\0).{20}/$1."${letter}"x20/se`;
    const script = `perl -0777 -pe "$0" <${NODE} >${NODE}.new && chmod 755 ${NODE}.new && mv ${NODE}.new ${NODE}`;
    await execOk(host, ["sh", "-c", script, other]);
  };

  const starts = async () => {
    const log = await execOk(host, ["journalctl", "--quiet", "--output=cat", "--no-pager", `--unit=${AGENT}`]);
    return log.split("\n").filter((line) => line.startsWith(`Started ${AGENT}`)).length;
  };

  /** How often it was noted that the agent is about to be restarted. */
  const intents = async () => {
    const lines = (await execOk(host, ["cat", JOURNAL])).split("\n");
    return lines.filter((line) => line.includes('"type":"intent"') && line.includes(`"target":"${AGENT}"`)).length;
  };

  test("a rollout restarts it last, and the new one finds out, proves and reports; nothing twice", async () => {
    await upgradeNode();
    await upgradeDaemons(host, "other");
    const before = { starts: await starts(), invocation: await property(host, AGENT, "InvocationID") };
    await fleet.cliOk("scan", "all");
    const start = ["rollout", "start", "all", "--reason", "a new Node", "--yes", "-o", "json"];
    const { code, stdout, stderr } = await fleet.cli(...start);
    expect([code, stderr]).toEqual([0, expect.anything()]);
    const { state, hosts } = JSON.parse(stdout) as Rollout;
    expect(state).toBe("finished");
    expect(hosts[0]?.state).toMatch(/^done/);
    expect(hosts[0]?.steps.map(({ remedy, outcome }) => `${remedy.target} ${outcome}`)).toEqual([
      "other.service done",
      `${AGENT} done`,
    ]);
    expect(await starts()).toBe(before.starts + 1);
    expect(await property(host, AGENT, "InvocationID")).not.toBe(before.invocation);
    expect(await intents()).toBe(1);
    const { stdout: scan } = await fleet.cli("plan", "all", "--exit-code");
    expect(scan).not.toContain(AGENT);
  });

  test("an apply on the host restarts it as any other service, after all others", async () => {
    await upgradeNode();
    await upgradeDaemons(host, "other");
    const before = await starts();
    const { code, document } = await apply(host, ["--settle", "1s"]);
    expect(document.steps.map(({ remedy, outcome }) => `${remedy.target} ${outcome}`)).toEqual([
      "other.service done",
      `${AGENT} done`,
    ]);
    expect(code).toBe(0);
    expect(await starts()).toBe(before + 1);
    await expect.poll(() => fleet.untilConnected().then(() => true), patient).toBe(true);
  });

  test("killed when it had noted that it will restart itself, it finds out what became of that", async () => {
    await upgradeNode();
    await fleet.cliOk("scan", "all");
    const [before, noted] = [await starts(), await intents()];
    const rollout = fleet.cli("rollout", "start", "all", "--reason", "once more", "--yes", "-o", "json");
    await expect.poll(intents, { timeout: 60_000, interval: 20 }).toBe(noted + 1);
    await execOk(host, ["systemctl", "kill", "--signal=KILL", AGENT]);
    const { code, stdout } = await rollout;
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Rollout).hosts[0]?.steps).toMatchObject([{ outcome: "done" }]);
    // A start for the kill (Restart=always), or one for the restart that was asked for, or both: no third.
    expect((await starts()) - before).toBeLessThanOrEqual(2);
    expect((await intents()) - noted).toBeLessThanOrEqual(2);
  });

  test("what a unit logged before it failed reaches operators, without its secrets", async () => {
    const script = "[ -e /opt/lab/broken/ran ] && { echo 'db: password=hunter2'; sleep 0.3; exit 3; }";
    await startDaemons(host, [{ name: "broken", script: `${script}\ntouch /opt/lab/broken/ran; exec $served` }]);
    await upgradeDaemons(host, "broken");
    await fleet.cliOk("scan", "all");
    const { code, stdout } = await fleet.cli("rollout", "start", "all", "--reason", "it breaks", "--yes", "-o", "json");
    expect(code).not.toBe(0);
    const [step] = (JSON.parse(stdout) as Rollout).hosts[0]?.steps ?? [];
    expect(step).toMatchObject({ outcome: "failed", evidence: expect.stringContaining("exit code 3") });
    expect(step?.journal).toContain("db: password=[redacted]");
    const { stdout: table } = await fleet.cli("rollout", "status");
    expect(table).toContain("web01: broken.service logged:\n");
    expect(table).toContain("  db: password=[redacted]\n");
  });
});
