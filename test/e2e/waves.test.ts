import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "../lab/describe.ts";
import { upgradeLibssl } from "../lab/errata.ts";
import { execOk, type Host, switchOff } from "../lab/host.ts";
import { hostOf } from "../lab/lab.ts";
import { LabFleet } from "./fleet.ts";

// Five hosts in three waves under a zone budget, each drained, checked over HTTP and put back. One of them never comes
// back, one is unhealthy afterwards; people pause, approve and write off, and the controller is killed twice.

const ZONES: Readonly<Record<string, string>> = { web01: "b", web02: "a", web03: "b", web04: "a", web05: "a" };
const patient = { timeout: 150_000, interval: 300 };

interface Rollout {
  readonly id: string;
  readonly state: string;
  readonly why: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly state: string;
    readonly reason: string | null;
    readonly steps: readonly { readonly id: string; readonly outcome: string }[];
  }[];
}

/** Answers 200, and 503 once it was touched by `unhealthy`. */
const SERVICE = `[Service]
StandardInput=socket
ExecStart=/bin/sh -c 'read line; if [ -e /run/unhealthy ]; then s="503 Service Unavailable"; else s="200 OK"; fi; \\
  printf "HTTP/1.0 %%s\\\\r\\\\nContent-Length: 0\\\\r\\\\n\\\\r\\\\n" "$s"'
`;
const SOCKET = "[Socket]\nListenStream=8080\nAccept=yes\n[Install]\nWantedBy=sockets.target\n";

await describeLab("a rollout in three waves over five hosts", () => {
  let fleet: LabFleet;
  let directory: string;
  let file: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "afterpatch-waves-"));
    await makeHooks(directory);
    file = join(directory, "rollout.yaml");
    await writeFile(file, rolloutFile(directory));
    const labels = (name: string) => [`zone=${ZONES[name]}`];
    fleet = await LabFleet.make(`waves-${process.pid % 1000}`, 5, () => {}, { labels, hooksDir: directory });
    await Promise.all(fleet.hosts.map(prepare));
    await execOk(hostOf(fleet.lab, "web05"), [
      ...[
        "sh",
        "-euc",
        'mkdir -p "$1"; printf "[Service]\\nExecStartPost=/bin/touch /run/unhealthy\\n" >"$1/x.conf"; systemctl daemon-reload',
      ],
      ...["sh", "/etc/systemd/system/ssh.service.d"],
    ]);
  });
  afterAll(async () => {
    await fleet?.remove();
    await rm(directory, { recursive: true, force: true });
  });

  test("the plan says in which order and how many at once", async () => {
    const { code, stdout, stderr } = await fleet.cli("plan", "-f", file, "--exit-code");
    expect([code, stderr]).toEqual([10, ""]);
    expect(stdout).toMatch(/canary: 1 host.*web01.*pair: 2 hosts.*web\[02:03\].*rest: 2 hosts.*web\[04:05\]/s);
    expect(stdout).toMatch(
      /Around each host: it is drained \(.*\/drain {host}\); its steps; it has to hold http .*baseline; it is put/,
    );
  });

  test("the canary is drained before and put back after, though the controller is killed while it is", async () => {
    await fleet.cliOk("rollout", "start", "-f", file, "--yes", "--detach");
    await expect.poll(() => stateOf("web01"), patient).toBe("draining");
    await fleet.killController();
    await fleet.startController();
    await expect.poll(async () => (await status()).state, patient).toBe("waiting-approval");
    expect(await states(), await reasons()).toBe("done pending pending pending pending");
    const hooks = await hooksOf("web01");
    expect([hooks[0], hooks.at(-1)]).toEqual(["drain", "undrain"]);
    expect(await began("web01")).toBe(1);
    expect(await began("web02")).toBe(0);
  });

  test("approved, the next wave begins; a host that goes away for good is charged to its zone", async () => {
    await fleet.cliOk("rollout", "approve", (await status()).id);
    await expect.poll(() => stateOf("web02"), patient).toMatch(/acting|settling|verifying/);
    await switchOff(hostOf(fleet.lab, "web02"));
    await expect.poll(() => stateOf("web02"), patient).toBe("unreachable");
    await expect.poll(() => stateOf("web03"), patient).toMatch(/^done/);
    await expect.poll(async () => (await status()).why, patient).toMatch(/budget \(by zone.*: 1 of 3 unavailable in a/);
    expect(await states(), await reasons()).toBe("done unreachable done pending pending");
  });

  test("paused, nothing begins, whoever is written off; killed meanwhile the controller knows it still", async () => {
    const { id } = await status();
    await fleet.cliOk("rollout", "pause", id, "--reason", "the database team is busy");
    await fleet.cliOk("writeoff", "web02", "--reason", "its board is dead");
    await fleet.killController();
    await fleet.startController();
    const rollout = await status();
    expect([rollout.state, rollout.why]).toEqual(["paused", expect.stringContaining("the database team is busy")]);
    expect(await states(), await reasons()).toBe("done written-off done pending pending");
    expect(await began("web04")).toBe(0);
  });

  test("resumed, the rest goes on until an unhealthy host trips the stop rule", async () => {
    const { id } = await status();
    await fleet.cliOk("rollout", "resume", id);
    await expect.poll(async () => (await status()).state, patient).toBe("halted");
    const rollout = await status();
    expect(await states(), await reasons()).toBe("done written-off done done failed");
    expect(rollout.hosts[4]?.reason).toMatch(/^unhealthy: .*answered 503.*it is out of service still/);
    expect(rollout.why).toContain("2 failed");
    expect(await hooksOf("web04")).toEqual(["drain", "undrain"]);
    expect(await hooksOf("web05")).toEqual(["drain"]);
    for (const name of ["web01", "web03", "web04", "web05"]) expect(await began(name)).toBe(1);
    expect((await fleet.cli("rollout", "status", id)).code).toBe(3);
  });

  test("units are restarted because a person wants it, old or not; what a host keeps is left and told", async () => {
    const about = ["--serial", "2", "--reason", "CHG-77", "--yes", "-o", "json"];
    const before = await invocations("cron.service");
    const { code, stdout, stderr } = await fleet.cli("restart", "web01,web03", "--unit", "cron", ...about);
    const rollout = JSON.parse(stdout) as Rollout;
    expect([code, rollout.state], stderr).toEqual([0, "finished"]);
    expect(rollout.hosts.flatMap(({ steps }) => steps.map(({ id, outcome }) => `${id} ${outcome}`))).toEqual([
      "restart-service:cron.service done",
      "restart-service:cron.service done",
    ]);
    const after = await invocations("cron.service");
    for (const [index, id] of after.entries()) expect(id).not.toBe(before[index]);
    const kept = await fleet.cli("restart", "web01", "--unit", "systemd-logind", ...about);
    expect([kept.code, JSON.parse(kept.stdout)]).toMatchObject([0, { hosts: [{ state: "done-with-residue" }] }]);
    const nobody = await fleet.cli("restart", "web01", "--unit", "nosuch", ...about);
    expect([nobody.code, nobody.stderr]).toEqual([6, expect.stringContaining("no running service is called 'nosuch'")]);
  });

  /** Of web01 and web03. */
  function invocations(unit: string): Promise<readonly string[]> {
    const show = ["systemctl", "show", "--property=InvocationID", "--value", unit];
    return Promise.all(["web01", "web03"].map((name) => execOk(hostOf(fleet.lab, name), show)));
  }

  async function status(): Promise<Rollout> {
    const { stdout } = await fleet.cli("rollout", "status", "-o", "json");
    return JSON.parse(stdout) as Rollout; // its contract
  }

  async function states(): Promise<string> {
    const { hosts } = await status();
    const byName = hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return byName.map(({ state }) => state.replace("-with-residue", "")).join(" ");
  }

  /** Why each host is where it is, for whoever reads that it should not be. */
  async function reasons(): Promise<string> {
    const { why, hosts } = await status();
    return [why, ...hosts.map(({ name, state, reason }) => `${name} ${state}: ${reason}`)].join("\n");
  }

  async function stateOf(name: string): Promise<string | undefined> {
    return (await status()).hosts.find((host) => host.name === name)?.state;
  }

  /** Hooks that were run for a host, the same one twice in a row once. */
  async function hooksOf(name: string): Promise<readonly string[]> {
    const lines = (await readFile(join(directory, "log"), "utf8")).split("\n");
    const own = lines.flatMap((line) => (line.endsWith(` ${name}`) ? [line.split(" ")[0] ?? ""] : []));
    return own.filter((hook, index) => own[index - 1] !== hook);
  }

  /** How often ssh was restarted by the host's agent. */
  async function began(name: string): Promise<number> {
    const journal = await execOk(hostOf(fleet.lab, name), ["sh", "-c", "cat /var/lib/afterpatch/agent/journal.jsonl"]);
    return [...journal.matchAll(/"type":"intent".*?"target":"ssh.service"/g)].length;
  }
});

/** An HTTP service that answers how the host is, and old code in sshd and PID 1. */
async function prepare(host: Host): Promise<void> {
  const put = 'cat >"$1"';
  const units = { "health@.service": SERVICE, "health.socket": SOCKET };
  for (const [name, text] of Object.entries(units)) {
    await execOk(host, ["sh", "-euc", put, "sh", `/etc/systemd/system/${name}`], { input: text });
  }
  await execOk(host, ["systemctl", "enable", "--now", "--quiet", "health.socket"]);
  await upgradeLibssl(host);
}

/** A balancer's: they note what they were run for, and take their time. */
async function makeHooks(directory: string): Promise<void> {
  for (const name of ["drain", "undrain"]) {
    const script = `#!/bin/sh\nsleep 2\necho "${name} $1" >>${directory}/log\n`;
    await writeFile(join(directory, name), script, { mode: 0o755 });
  }
  await writeFile(join(directory, "log"), "");
}

function rolloutFile(hooks: string): string {
  return `apiVersion: afterpatch/v1
kind: Rollout
reason: DSA-6001
select: role=web
actions: {reboot: never}
waves:
  - {name: canary, select: web01, approve: manual}
  - {name: pair, select: "web02,web03", ramp: [2]}
  - {name: rest, ramp: [1]}
budgets:
  - {by: zone, maxUnavailable: 1}
stop: {maxFailures: 1}
hooks:
  drain: {command: [${hooks}/drain, "{host}"], timeout: 30s}
  undrain: {command: [${hooks}/undrain, "{host}"], timeout: 30s}
health:
  after:
    - {http: {url: "http://{host}:8080/"}, timeout: 5s}
    - {unit: ssh.service}
    - {baseline: {}}
timing: {begin: 10s, deadline: 1m, settle: 8s}
unreachable: wait 5s
`;
}
