import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Payload } from "../e2e/payload.ts";
import { describeLab } from "./describe.ts";
import { upgradeLibssl } from "./errata.ts";
import { exec, execOk, type Host, spawnInside } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import {
  type Applied,
  apply,
  applyUnits,
  asAlice,
  bringDaemon,
  type Daemon,
  property,
  put,
  stageRemedies,
  startDaemons,
  startDaemonsOfAlice,
  starts,
  upgradeDaemons,
} from "./remedies/services.ts";

const name = `remedies-${process.pid % 1000}`;

/** Each goes wrong in its own way when it is started on version 2, but for the first. */
const DAEMONS: readonly Daemon[] = [
  { name: "fine", script: "exec $served 8001" },
  {
    name: "fails-after-4s",
    script: `grep -q 'served 2' /opt/lab/fails-after-4s/said 2>/dev/null && { sleep 4; echo "db: password=hunter2 \\033[2J"; exit 3; }
      echo "served 2" >/opt/lab/fails-after-4s/said; exec $served`,
  },
  {
    name: "crash-loop",
    service: "Restart=always\nRestartSec=300ms\nStartLimitIntervalSec=0",
    script: "[ -e /opt/lab/crash-loop/ran ] && { sleep 0.5; exit 1; }\ntouch /opt/lab/crash-loop/ran; exec $served",
  },
  {
    name: "never-ready",
    service: "Type=notify\nNotifyAccess=all\nTimeoutStartSec=3",
    script: "[ -e /opt/lab/never-ready/ran ] || systemd-notify --ready\ntouch /opt/lab/never-ready/ran; exec $served",
  },
  { name: "no-interpreter" },
  { name: "no-program" },
  {
    name: "loses-port",
    script: "[ -e /opt/lab/loses-port/ran ] && exec $served\ntouch /opt/lab/loses-port/ran; exec $served 8002",
  },
  { name: "leaves-child", service: "KillMode=process", script: "$served & exec $served 8003" },
  { name: "ends-child", script: "$served & exec $served 8004" },
  {
    name: "clings",
    service: "FinalKillSignal=SIGCONT\nTimeoutStopSec=1", // as of a process that cannot be killed
    script: `sh -c "trap '' TERM; while :; do sleep 1; done" & exec $served`,
  },
  {
    // As systemd makes units of init scripts: active, whatever runs.
    name: "like-sysv",
    service: `Type=forking\nRemainAfterExit=yes\nGuessMainPID=no\nKillMode=process
      ExecStop=/bin/sh -c 'kill $(cat /opt/lab/like-sysv/pid)'`,
    script: `[ -e /opt/lab/like-sysv/pid ] && exit 0
      $served & echo $! >/opt/lab/like-sysv/pid; sleep 9999 & exit 0`,
  },
  { name: "refuses", unit: "RefuseManualStop=yes" },
  { name: "once-an-hour", unit: "StartLimitBurst=2\nStartLimitIntervalSec=1h" },
];
const NAMES = DAEMONS.map((daemon) => daemon.name);

await describeLab("remedies on a host with systemd", () => {
  let payload: Payload;
  let host: Host;

  beforeAll(async () => {
    payload = await stageRemedies();
    host = hostOf(await up({ name, hosts: 1, payload: payload.directory }), 1);
    await execOk(host, ["ln", "-s", "/opt/afterpatch/bin/afterpatch-agent", "/usr/bin/afterpatch-agent"]);
    await bringDaemon(host);
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const scan = async () => JSON.parse(await execOk(host, ["afterpatch-agent", "scan", "-o", "json"])) as Scan;
  const remedyOf = async (owner: string) =>
    (await scan()).findings.find((finding) => finding.owner.name === owner)?.remedy;

  describe("a restart is proved, not believed", () => {
    let applied: Applied;
    let invocation: string;
    const outcome = (unit: string) => applied.steps.get(`${unit}.service`);

    beforeAll(async () => {
      await startDaemons(host, DAEMONS);
      await execOk(host, ["systemctl", "restart", "once-an-hour"]); // the second start of two
      await upgradeDaemons(host, ...NAMES);
      await execOk(host, ["rm", "/opt/lab/no-program/start"]);
      await put(host, "/opt/lab/no-interpreter/start", "#!/opt/lab/no-such-sh\n", "755");
      invocation = await property(host, "fine.service", "InvocationID");
      const all = NAMES.filter((unit) => unit !== "refuses");
      applied = await applyUnits(host, all, "6s");
    });

    test("a unit that is restarted runs new code under one new invocation and listens again", async () => {
      expect(outcome("fine")).toMatchObject({ outcome: "done", evidence: "fine.service restarted" });
      expect(outcome("fine")).not.toHaveProperty("journal");
      expect(await property(host, "fine.service", "InvocationID")).not.toBe(invocation);
      expect(await starts(host, "fine.service")).toBe(2);
      expect(await remedyOf("fine.service")).toBeUndefined();
    });

    test("the run as a whole failed, two steps vetoed among others, and what is left is found again", () => {
      expect(applied.code).toBe(3);
      expect(applied.document.ending.result).toBe("failed");
      expect(applied.document.proof?.findingsLeft).toHaveLength(2);
    });

    test("a unit that fails 4 s later failed, with its result and what it logged, redacted", () => {
      const step = outcome("fails-after-4s");
      expect(step?.outcome).toBe("failed");
      expect(step?.evidence).toMatch(
        /restarted, but then: fails-after-4s\.service is failed \(failed, Result=exit-code, exit code 3\)$/,
      );
      expect(step?.journal?.length).toBeLessThanOrEqual(20);
      const said = step?.journal?.join("\n");
      expect(said).toContain("db: password=[redacted]");
      expect(said).toContain("status=3");
      expect(said).not.toContain("hunter2");
      expect(said).not.toContain("\u001b");
    });

    test("a unit that systemd starts again and again failed", () => {
      expect(outcome("crash-loop")).toMatchObject({ outcome: "failed" });
      expect(outcome("crash-loop")?.evidence).toMatch(/was started again by systemd (?:once|\d+ times) since/);
    });

    test("a unit that never says that it is ready failed", () => {
      expect(outcome("never-ready")).toMatchObject({ outcome: "failed" });
      expect(outcome("never-ready")?.evidence).toMatch(/Result=timeout.*systemctl exited 1/);
    });

    test("a unit whose start succeeds though nothing can be executed failed", () => {
      expect(outcome("no-interpreter")).toMatchObject({ outcome: "failed" });
      expect(outcome("no-interpreter")?.evidence).toMatch(/is failed \(failed, Result=exit-code, exit code 203\)/);
      expect(outcome("no-interpreter")?.journal?.join("\n")).toContain("Failed to execute");
    });

    test("a unit whose program is not there is not stopped", async () => {
      expect(outcome("no-program")).toMatchObject({
        outcome: "vetoed",
        evidence: expect.stringContaining("ExecStart of no-program.service is /opt/lab/no-program/start"),
      });
      expect(await property(host, "no-program.service", "ActiveState")).toBe("active");
    });

    test("a unit that does not listen any more failed", () => {
      expect(outcome("loses-port")).toMatchObject({ outcome: "failed" });
      expect(outcome("loses-port")?.evidence).toContain("loses-port.service does not listen on tcp 8002 any more");
    });

    test("what a restart ends and what it leaves is told before, and so it is", async () => {
      expect(outcome("ends-child")?.because).toContain("The restart ends every process of the unit");
      expect(outcome("ends-child")).toMatchObject({ outcome: "done" });
      expect(outcome("leaves-child")?.because).toMatch(
        /ends the main process alone \(KillMode=process\) and leaves pid \d+ \(\/opt\/lab\/leaves-child\/served\), old as well, running/,
      );
      expect(outcome("leaves-child")).toMatchObject({ outcome: "done" });
      const { findings } = await scan();
      expect(findings.filter(({ owner }) => owner.name === "ends-child.service")).toEqual([]);
      const left = findings.filter(({ process }) => process?.executable === "/opt/lab/leaves-child/served");
      expect(left).toMatchObject([{ owner: { kind: "application" }, remedy: { kind: "none" } }]);
    });

    test("a unit of which somebody is left who should have ended failed", () => {
      expect(outcome("clings")).toMatchObject({ outcome: "failed" });
      expect(outcome("clings")?.evidence).toMatch(
        /pid \d+.* of clings\.service, from before the restart, still runs?$/,
      );
    });

    test("a unit that is active though nothing of it runs failed", async () => {
      expect(outcome("like-sysv")).toMatchObject({ outcome: "failed" });
      expect(outcome("like-sysv")?.evidence).toContain("like-sysv.service has no process of its own any more");
      expect(await property(host, "like-sysv.service", "ActiveState")).toBe("active");
    });

    test("a unit that refuses is left alone and says so", async () => {
      expect(await remedyOf("refuses.service")).toMatchObject({
        automatic: false,
        reason: expect.stringContaining("RefuseManualStop=yes"),
      });
      expect(await starts(host, "refuses.service")).toBe(1);
    });

    test("a unit that its start limit would leave stopped is not stopped", async () => {
      expect(outcome("once-an-hour")).toMatchObject({
        outcome: "vetoed",
        evidence: expect.stringContaining("would exceed its limit (2 starts in 3600 s) and leave it stopped"),
      });
      expect(await property(host, "once-an-hour.service", "ActiveState")).toBe("active");
    });
  });

  test("a unit that hits its start limit all the same is started once, and reported", async () => {
    await startDaemons(host, [{ name: "limited", unit: "StartLimitBurst=3\nStartLimitIntervalSec=1h" }]);
    await execOk(host, ["systemctl", "restart", "limited"]);
    await upgradeDaemons(host, "limited");
    // Started once more between the look at the budget and the restart.
    const before = `cat >/opt/lab/limited/twice <<'END'\nsystemctl restart limited\nEND\nsh /opt/lab/limited/twice`;
    await execOk(host, ["journalctl", "--rotate", "--vacuum-time=1s", "--quiet"]); // and the budget cannot be told
    const performed = await perform(host, "restart-service", "limited.service", before);
    expect(performed.outcome).toBe("failed");
    expect(performed.detail).toContain("limited.service hit its start limit and was started after reset-failed");
    expect(await property(host, "limited.service", "ActiveState")).toBe("active");
  });

  test("a unit that was stopped meanwhile stays stopped", async () => {
    await startDaemons(host, [{ name: "stopped" }]);
    await upgradeDaemons(host, "stopped");
    const performed = await perform(host, "restart-service", "stopped.service", "systemctl stop stopped");
    expect(performed).toMatchObject({ outcome: "skipped", happened: "no" });
    expect(await property(host, "stopped.service", "ActiveState")).toBe("inactive");
  });

  test("a unit that is stopped while others are restarted is skipped", async () => {
    const slow = "sleep 3; systemd-notify --ready; exec $served";
    await startDaemons(host, [
      { name: "a-slow", service: "Type=notify\nNotifyAccess=all", script: slow },
      { name: "b-stopped" },
    ]);
    await upgradeDaemons(host, "a-slow", "b-stopped");
    const args = ["apply", "--unit", "a-slow", "--unit", "b-stopped", "--settle", "1s", "--yes"];
    const child = await spawnInside(host, ["afterpatch-agent", ...args]);
    let said = "";
    for await (const text of child.stdout ?? []) {
      said += String(text);
      if (said.includes("begun    restart-service a-slow") && !said.includes("done")) {
        await execOk(host, ["systemctl", "stop", "b-stopped"]);
      }
    }
    expect(said).toMatch(/^done +restart-service a-slow\.service/m);
    expect(said).toMatch(/^skipped +restart-service b-stopped\.service/m);
    expect(await property(host, "b-stopped.service", "ActiveState")).toBe("inactive");
  });

  describe("what systemd restarts along", () => {
    test("comes after what takes it along, and is restarted once", async () => {
      await startDaemons(host, [
        { name: "z-db", script: "exec $served 8010" },
        { name: "a-app", unit: "PartOf=z-db.service\nAfter=z-db.service", script: "exec $served 8011" },
        { name: "b-app", unit: "Requires=z-db.service", script: "exec $served 8012" },
        { name: "c-far", unit: "BindsTo=a-app.service" },
        { name: "d-other", unit: "Wants=z-db.service" },
      ]);
      await upgradeDaemons(host, "z-db", "a-app", "b-app", "c-far");
      const along = ["a-app.service", "b-app.service", "c-far.service"];
      const { code, steps, document } = await applyUnits(host, ["z-db", "a-app", "b-app", "c-far"]);
      expect(document.steps.map(({ remedy }) => remedy.target)).toEqual(["z-db.service", ...along]);
      expect(document.steps[0]?.because).toContain(`systemd restarts ${along.join(", ")} along with it.`);
      expect(document.steps.map(({ outcome }) => outcome)).toEqual(["done", "skipped", "skipped", "skipped"]);
      expect(steps.get("a-app.service")?.evidence).toBe("nothing of it runs old code any more");
      expect(code).toBe(0);
      for (const unit of ["z-db.service", ...along]) expect([unit, await starts(host, unit)]).toEqual([unit, 2]);
      expect(await starts(host, "d-other.service")).toBe(1);
    });

    test("fails the restart that took it along when it does not come up again", async () => {
      await startDaemons(host, [
        { name: "e-db" },
        {
          name: "e-app",
          unit: "PartOf=e-db.service",
          script: "[ -e /opt/lab/e-app/ran ] && exit 7\ntouch /opt/lab/e-app/ran; exec $served",
        },
      ]);
      await upgradeDaemons(host, "e-db");
      const { code, steps } = await applyUnits(host, ["e-db"]);
      expect(code).toBe(2);
      expect(steps.get("e-db.service")?.evidence).toMatch(/e-app\.service is failed .*exit code 7.* along with e-db/);
    });

    test("forbids a restart by its own rule", async () => {
      await startDaemons(host, [{ name: "f-db" }, { name: "docker", unit: "PartOf=f-db.service" }]);
      await upgradeDaemons(host, "f-db");
      expect(await remedyOf("f-db.service")).toMatchObject({
        automatic: false,
        onRequest: true,
        reason: expect.stringContaining("docker.service with it"),
      });
    });
  });

  test("what is restarted on request is restarted when a person names it, and not before", async () => {
    await upgradeDaemons(host, "docker");
    expect(await remedyOf("docker.service")).toMatchObject({ automatic: false, onRequest: true });
    const all = await apply(host, ["--only", "restart-service", "--dry-run"]);
    expect(all.steps.has("docker.service")).toBe(false);
    const { code, steps } = await applyUnits(host, ["docker"]);
    expect(steps.get("docker.service")).toMatchObject({ outcome: "done" });
    expect(code).toBe(0);
  });

  describe("services of a user who lingers", () => {
    const manager = "user@1000.service";
    const alices = (unit: string, name: string) =>
      asAlice(host, "systemctl", "--user", "show", "--value", `--property=${name}`, `${unit}.service`);

    beforeAll(async () => {
      await startDaemonsOfAlice(host, [
        { name: "sync", script: "exec $served 8020" },
        { name: "sync-gui", unit: "PartOf=sync.service" },
        { name: "apart" },
        {
          name: "breaks",
          script:
            "[ -e /opt/lab/breaks/ran ] && { echo token=abc123; sleep 0.3; exit 5; }\ntouch /opt/lab/breaks/ran; exec $served",
        },
        { name: "xdg-portal" },
      ]);
      await upgradeDaemons(host, "sync", "sync-gui", "breaks", "xdg-portal");
    });

    test("are restarted through their manager, and proved as others are", async () => {
      const invocations = () => Promise.all(["sync", "sync-gui", "apart"].map((unit) => alices(unit, "InvocationID")));
      const before = await invocations();
      const { code, steps } = await apply(host, ["--unit", `${manager}/sync.service`, "--settle", "2s"]);
      expect(steps.get(`${manager}/sync.service`)).toMatchObject({ outcome: "done" });
      expect(steps.get(`${manager}/sync.service`)?.because).toContain("systemd restarts user@1000.service/sync-gui");
      expect(code).toBe(0);
      const after = await invocations();
      expect(after.map((id, at) => id === before[at])).toEqual([false, false, true]);
      expect(await execOk(host, ["stat", "-c", "%u", `/proc/${(await alices("sync", "MainPID")).trim()}`])).toBe(
        "1000\n",
      );
      expect(await remedyOf(`${manager}/sync.service`)).toBeUndefined();
    });

    test("that fail say why", async () => {
      const { code, steps } = await apply(host, ["--unit", `${manager}/breaks.service`, "--settle", "2s"]);
      expect(code).toBe(2);
      const step = steps.get(`${manager}/breaks.service`);
      expect(step?.evidence).toContain("Result=exit-code, exit code 5");
      expect(step?.journal?.join("\n")).toContain("token=[redacted]");
    });

    test("that belong to a graphical session are left alone", async () => {
      expect(await remedyOf(`${manager}/xdg-portal.service`)).toMatchObject({
        automatic: false,
        reason: expect.stringMatching(/^Never: .*graphical session/),
      });
    });
  });

  test("an sshd that listens and does not answer failed", async () => {
    await startDaemons(host, [{ name: "mute" }]);
    const file = "[Service]\nExecStart=/opt/lab/mute/sshd 8030\n";
    await execOk(host, ["cp", "/opt/lab/served-1", "/opt/lab/mute/sshd"]);
    await put(host, "/etc/systemd/system/mute.service", file, "644");
    await execOk(host, ["sh", "-c", "systemctl daemon-reload && systemctl restart mute && sleep 1"]);
    await execOk(host, ["sh", "-c", "cd /opt/lab/mute && cp /opt/lab/served-2 x && mv x sshd"]);
    const { code, steps } = await applyUnits(host, ["mute"]);
    expect(code).toBe(2);
    expect(steps.get("mute.service")?.evidence).toContain("listens on tcp 8030, but no SSH server answers there");
  });

  describe("after an upgrade of libssl3", () => {
    let session: string;

    beforeAll(async () => {
      const login = `mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id
        cp /root/.ssh/id.pub /root/.ssh/authorized_keys
        ssh -f -i /root/.ssh/id -o StrictHostKeyChecking=no root@127.0.0.1 'sleep 4242' </dev/null >/dev/null 2>&1
        until pgrep -fx 'sleep 4242'; do sleep 0.1; done`;
      session = (await execOk(host, ["sh", "-c", login])).trim();
      await upgradeLibssl(host);
    });

    test("sshd is not stopped while its configuration has a mistake", async () => {
      await execOk(host, ["sh", "-c", "echo 'Bogus yes' >/etc/ssh/sshd_config.d/bogus.conf"]);
      const before = await property(host, "ssh.service", "MainPID");
      const { code, steps } = await applyUnits(host, ["ssh"]);
      expect(code).toBe(3);
      expect(steps.get("ssh.service")).toMatchObject({
        outcome: "vetoed",
        evidence: expect.stringMatching(/sshd -t says: .*bogus\.conf: line 1: Bad configuration option: Bogus/),
      });
      expect(await property(host, "ssh.service", "MainPID")).toBe(before);
      await execOk(host, ["rm", "/etc/ssh/sshd_config.d/bogus.conf"]);
    });

    test("sshd's listener is restarted, its sessions go on and are told to their owners", async () => {
      const { code, steps, document } = await applyUnits(host, ["ssh"]);
      expect(steps.get("ssh.service")).toMatchObject({ outcome: "done" });
      expect(code).toBe(0);
      expect((await exec(host, ["kill", "-0", session])).code).toBe(0);
      const residue = document.proof?.residue.filter(({ reason }) =>
        reason.includes("A restart of ssh.service leaves"),
      );
      expect(residue).toMatchObject([{ owner: "/usr/sbin/sshd" }]);
      const banner = ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/22; head -c 4 <&3"];
      expect(await execOk(host, banner)).toBe("SSH-");
    });

    test("PID 1 and the manager of a user execute themselves anew, and nothing of theirs is touched", async () => {
      const invocation = () =>
        asAlice(host, "systemctl", "--user", "show", "--value", "--property=InvocationID", "sync");
      const before = [await invocation(), await property(host, "cron.service", "InvocationID")];
      const { code, document } = await apply(host, ["--only", "reexec", "--settle", "1s"]);
      expect(document.steps).toMatchObject([
        { id: "reexec:init", outcome: "done", evidence: "PID 1 executed its program anew" },
        {
          id: "reexec:user@1000.service",
          outcome: "done",
          evidence: "the manager of user@1000.service executed its program anew",
        },
      ]);
      for (const { insteadOf } of document.steps) {
        const smaller = insteadOf.slice(0, 4);
        expect(smaller.map(({ kind }) => kind)).toEqual([
          "end-session",
          "relaunch-application",
          "reload",
          "restart-service",
        ]);
      }
      expect(code).toBe(0);
      expect([await invocation(), await property(host, "cron.service", "InvocationID")]).toEqual(before);
      const pam = document.proof?.residue.find(({ owner }) => owner === "user@1000.service");
      expect(pam?.reason).toContain("(sd-pam)");
      expect(pam?.findings).toHaveLength(1);
    });

    test("logind is restarted on request", async () => {
      const { code, steps } = await applyUnits(host, ["systemd-logind"]);
      expect(steps.get("systemd-logind.service")).toMatchObject({ outcome: "done" });
      expect(code).toBe(0);
    });
  });
});

interface Performed {
  readonly outcome: string;
  readonly detail: string;
  readonly wrong: string | null;
  readonly happened: string;
}

/** One step with evidence from before `command`. */
async function perform(host: Host, kind: string, target: string, command: string): Promise<Performed> {
  const program = ["/opt/afterpatch/node", "/opt/afterpatch/perform.mjs"];
  const { code, stdout, stderr } = await exec(host, [...program, kind, target, command], { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Performed; // perform.ts printed it
}
