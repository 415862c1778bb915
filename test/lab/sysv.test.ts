import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { SessionsDocument } from "@afterpatch/agent/look/sessions";
import type { Plan } from "@afterpatch/core/plan/types";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { upgradeImapd, upgradeLibssl } from "./errata.ts";
import { bootId, execOk, type Host, reboot, spawnInside } from "./host.ts";
import { down, hostOf, type Lab, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";
import { openSession } from "./session.ts";
import { untilListening } from "./super-server.ts";

const name = `sysv-${process.pid}`;
const pidFiles: Readonly<Record<string, string>> = {
  cron: "/run/crond.pid",
  nginx: "/run/nginx.pid",
  ssh: "/run/sshd.pid",
  xinetd: "/run/xinetd.pid",
};
const patient = { timeout: 20_000 };

await describeLab("a host whose init is sysvinit", () => {
  let payload: Payload;
  let lab: Lab;
  let host: Host;
  let agent: Agent;

  beforeAll(async () => {
    payload = await stagePayload();
    lab = await up({ name, hosts: 1, init: "sysvinit", payload: payload.directory });
    host = hostOf(lab, 1);
    agent = agentOn(host);
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(host, ["sh", "-euc", script, "sh", ...words])).trim();
  const service = (script: string, verb: string) => sh(`service "$1" "$2" >/dev/null 2>&1 </dev/null`, script, verb);
  /** A script returns once the daemon has gone into the background, which may be before it has written its pid file. */
  const untilUp = (script: string) =>
    expect.poll(() => sh('kill -0 "$(cat "$1")" && echo up || echo down', pidFiles[script] ?? ""), patient).toBe("up");
  const restart = async (script: string) => {
    await service(script, "restart");
    await untilUp(script);
  };
  const findings = async () => (await agent.json<Scan>("scan")).findings;
  const owners = async (executable: string) => {
    const of = (await findings()).filter(({ process }) => process?.executable === executable);
    return of.map(({ process, owner }) => `${process?.pid} ${owner.kind} ${owner.manager} ${owner.name}`);
  };
  const pidIn = (file: string) => sh('cat "$1"', file);

  test("PID 1 is sysvinit, rc started the services, and nothing is old yet", async () => {
    expect(await sh("readlink /proc/1/exe; runlevel")).toBe("/usr/sbin/init\nN 2");
    for (const script of Object.keys(pidFiles)) await untilUp(script);
    const scan = await agent.json<Scan>("scan");
    expect([scan.findings, scan.processes.unreadable]).toEqual([[], 0]);
  });

  test("its kernel is unknown and no reboot is asked for", async () => {
    const { host: said, reboot } = await agent.json<Scan>("scan");
    expect(said.kernel).toMatchObject({ expected: null, verdict: "unknown" });
    expect(reboot).toEqual({ required: null, reasons: [] });
  });

  test("a service whose program was replaced, by its pid file and by the name of its script", async () => {
    await restart("cron");
    await replaceBuild(host, "/usr/sbin/cron");
    expect(await findings()).toMatchObject([
      {
        kind: "service",
        verdict: "replaced",
        process: { pid: Number(await pidIn("/run/crond.pid")), user: "root", executable: "/usr/sbin/cron" },
        owner: { kind: "service", manager: "sysv", name: "cron" },
        files: [{ path: "/usr/sbin/cron", kind: "executable", package: { name: "cron" } }],
        remedy: { kind: "restart-service", target: "cron", reason: expect.stringContaining("/run/crond.pid") },
      },
    ]);
  });

  test("services with an old library: sshd, and every process of nginx", async () => {
    await upgradeLibssl(host);
    const found = (await findings()).filter(({ owner }) => owner.name === "nginx" || owner.name === "ssh");
    const master = await pidIn("/run/nginx.pid");
    const workers = await sh('pgrep -P "$1"', master);
    const expected = [
      ...[master, ...workers.split("\n")].map((pid) => `${pid} service sysv nginx`),
      `${await pidIn("/run/sshd.pid")} service sysv ssh`,
    ];
    expect(expected.length).toBeGreaterThan(3);
    expect(found.map((finding) => `${finding.process?.pid} ${ownerOf(finding)}`).sort()).toEqual(expected.sort());
    for (const { kind, files, remedy, owner } of found) {
      expect([kind, remedy.kind, remedy.target]).toEqual(["service", "restart-service", owner.name]);
      expect(files.map((file) => `${file.kind} ${file.path}`)).toContain(
        "library /usr/lib/x86_64-linux-gnu/libcrypto.so.3",
      );
    }
  });

  test("processes of a service's program that somebody else started are not the service's", async () => {
    const own = ["/usr/sbin/sshd", "-D", "-p", "2222", "-o", "PidFile=none"];
    const beside = await spawnInside(host, own, { stdio: "ignore" });
    await sh(`mkdir -p /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id
      cp /root/.ssh/id.pub /root/.ssh/authorized_keys`);
    const login = ["ssh", "-i", "/root/.ssh/id", "-o", "StrictHostKeyChecking=no", "127.0.0.1", "sleep 4242"];
    const visit = await spawnInside(host, login, { stdio: "ignore" });
    const up = "pgrep -fx 'sleep 4242' | wc -l; ss -Hltn4 'sport = :2222' | wc -l";
    await expect.poll(() => sh(up), patient).toBe("1\n1");
    await replaceBuild(host, "/usr/sbin/sshd");
    const shell = await sh("ps -o ppid= -p $(pgrep -fx 'sleep 4242')");
    const listener = await sh("ss -Hltnp4 'sport = :2222' | grep -o 'pid=[0-9]*' | cut -d = -f 2");
    const strangers = [shell, listener].map((pid) => `${pid.trim()} application null /usr/sbin/sshd`).sort();
    expect((await owners("/usr/sbin/sshd")).sort()).toEqual(
      [...strangers, `${await pidIn("/run/sshd.pid")} service sysv ssh`].sort(),
    );
    // A restart leaves the login to PID 1, and it is no more the service's than before.
    await restart("ssh");
    expect((await sh('ps -o ppid= -p "$1"', shell)).trim()).toBe("1");
    expect((await owners("/usr/sbin/sshd")).sort()).toEqual(strangers);
    beside.kill("SIGKILL");
    visit.kill("SIGKILL");
    await expect.poll(() => owners("/usr/sbin/sshd"), patient).toEqual([]);
  });

  test("a stale pid file proves nothing: the service is told by its script, and a stranger with its number is not", async () => {
    const cron = await pidIn("/run/crond.pid");
    await sh("sleep 0 & gone=$!; wait; echo $gone >/run/crond.pid");
    expect((await findings()).filter(({ owner }) => owner.name === "cron")).toMatchObject([
      { process: { pid: Number(cron) }, remedy: { reason: expect.stringContaining("its script names this program") } },
    ]);
    await sh('echo "$1" >/run/crond.pid', cron);

    await service("xinetd", "stop");
    try {
      await sh(`cp /bin/sleep /opt/stranger; setsid --fork /opt/stranger 4243 >/dev/null 2>&1 </dev/null
        until pgrep -x stranger >/run/xinetd.pid; do sleep 0.1; done`);
      await replaceBuild(host, "/opt/stranger");
      expect(await owners("/opt/stranger")).toEqual([
        `${await pidIn("/run/xinetd.pid")} application null /opt/stranger`,
      ]);
    } finally {
      await sh("pkill -x stranger || true; rm -f /run/xinetd.pid");
      await service("xinetd", "start");
    }
  });

  test("sessions of an xinetd that an init script started, an orphan among them", async () => {
    await untilListening(host, 143);
    const old = [await openSession(lab, host, 143)];
    await restart("xinetd");
    await untilListening(host, 143);
    old.push(await openSession(lab, host, 143, { v6: true }));
    await upgradeImapd(host);
    const fresh = await openSession(lab, host, 143);
    expect(new Set((await owners("/usr/sbin/imapd")).map((line) => line.replace(/^\d+ /, "")))).toEqual(
      new Set(["xinetd-session xinetd imap"]),
    );
    const { sessions } = await agent.json<SessionsDocument>("sessions", "imap");
    expect(sessions.map(({ code }) => code)).toEqual(["old", "old", "new"]);
    await agent.json("apply", "--service", "imap", "--settle", "1s", "--yes");
    for (const session of old) await session.ended();
    expect(await fresh.ask("NOOP")).toContain("imapd 1.1");
    expect(await owners("/usr/sbin/imapd")).toEqual([]);
    await fresh.close();
  });

  test("whoever has logged in over a session of xinetd is asked, not ended", async () => {
    const entry = `service shell\n{\ntype = UNLISTED\nport = 3143\nsocket_type = stream\nprotocol = tcp\nwait = no
      user = root\nserver = /opt/shell\n}\n`;
    await execOk(host, ["sh", "-c", "cat >/etc/xinetd.d/shell"], { input: entry });
    // As telnetd does: a terminal of its own, and login(1) on it.
    await sh(`cp /bin/sleep /opt/visitor; cp /usr/bin/script /opt/script
      printf '#!/bin/sh\nexec /opt/script -qc "/bin/login -f root" /dev/null\n' >/opt/shell; chmod 755 /opt/shell`);
    await restart("xinetd");
    await untilListening(host, 3143);
    const session = await openSession(lab, host, 3143);
    await session.ask("exec /opt/visitor 4245");
    await expect.poll(() => sh("pgrep -x visitor | wc -l"), patient).toBe("1");
    await replaceBuild(host, "/opt/visitor");
    expect(await owners("/opt/visitor")).toEqual([`${await sh("pgrep -x visitor")} application null /opt/visitor`]);
    await replaceBuild(host, "/opt/script");
    expect(await owners("/opt/script")).toEqual([`${await sh("pgrep -x script")} xinetd-session xinetd shell`]);
    await agent.json("apply", "--service", "shell", "--settle", "1s", "--yes");
    await session.ended();
    expect(await owners("/opt/visitor")).toEqual([]);
  });

  test("xinetd itself is its script's service, and a job of cron is not cron's, nor is what waits for the job", async () => {
    await sh(
      "cp /bin/sleep /opt/job; echo '@reboot root exec /opt/job 4244' >/etc/cron.d/job; rm -f /run/crond.reboot",
    );
    await restart("cron");
    await expect.poll(() => sh("pgrep -x job | wc -l"), patient).toBe("1");
    const job = await sh("pgrep -x job");
    const waiting = await sh('ps -o ppid= -p "$1"', job);
    for (const program of ["/usr/sbin/xinetd", "/usr/sbin/cron", "/opt/job"]) await replaceBuild(host, program);
    expect(await owners("/usr/sbin/xinetd")).toEqual([`${await pidIn("/run/xinetd.pid")} service sysv xinetd`]);
    expect(await owners("/opt/job")).toEqual([`${job} application null /opt/job`]);
    expect(await owners("/usr/sbin/cron")).toEqual([
      `${waiting} application null /usr/sbin/cron`,
      `${await pidIn("/run/crond.pid")} service sysv cron`,
    ]);
    await sh('rm /etc/cron.d/job; kill "$1"', job);
    await expect.poll(() => owners("/opt/job"), patient).toEqual([]);
  });

  test("PID 1 itself is called init, and executes itself anew without a reboot", async () => {
    await replaceBuild(host, "/usr/sbin/init");
    const { findings: all, reboot } = await agent.json<Scan>("scan");
    expect(all.filter(({ process }) => process?.pid === 1)).toMatchObject([
      {
        kind: "service",
        verdict: "replaced",
        owner: { kind: "init", manager: null, name: "init" },
        files: [{ path: "/usr/sbin/init", kind: "executable", package: { name: "sysvinit-core" } }],
        remedy: { kind: "reexec", target: "init", automatic: true },
      },
    ]);
    expect(reboot.required).toBe(null);
  });

  test("apply restarts every service by its script's name, PID 1 executes itself, and nothing old is left", async () => {
    const before = { boot: await bootId(host), rc: await sh("runlevel") };
    const { steps } = await agent.json<Plan>("plan");
    expect(steps.map(({ remedy }) => `${remedy.kind} ${remedy.target}`)).toEqual([
      "restart-service cron",
      "restart-service nginx",
      "restart-service xinetd",
      "reexec init",
    ]);
    const applied = await agent.json<ApplyDocument>("apply", "--settle", "1s", "--yes");
    expect(applied.steps.map(({ outcome }) => outcome)).toEqual(["done", "done", "done", "done"]);
    expect(applied.proof?.findingsLeft).toEqual([]);
    expect(await findings()).toEqual([]);
    expect({ boot: await bootId(host), rc: await sh("runlevel") }).toEqual(before);
    for (const script of Object.keys(pidFiles)) await untilUp(script);
    await untilListening(host, 80, 143);
  });

  test("it reboots: everything is new then, PID 1 too", async () => {
    const before = await bootId(host);
    await reboot(host);
    expect(await bootId(host)).not.toBe(before);
    expect(await findings()).toEqual([]);
    for (const script of Object.keys(pidFiles)) await untilUp(script);
  });
});

function ownerOf({ owner }: Finding): string {
  return `${owner.kind} ${owner.manager} ${owner.name}`;
}
