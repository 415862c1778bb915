import { beforeAll, describe, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host, spawnInside } from "./host.ts";
import {
  type Applied,
  applyUnits,
  type Daemon,
  property,
  put,
  startDaemons,
  starts,
  upgradeDaemons,
} from "./remedies/services.ts";
import { systemdHost } from "./remedies/systemd-host.ts";

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

await describeLab("restarts on a host with systemd", () => {
  const { host, scan, remedyOf } = systemdHost(`proof-${process.pid % 1000}`);

  describe("a restart is proved, not believed", () => {
    let applied: Applied;
    let invocation: string;
    const outcome = (unit: string) => applied.steps.get(`${unit}.service`);

    beforeAll(async () => {
      await startDaemons(host(), DAEMONS);
      await execOk(host(), ["systemctl", "restart", "once-an-hour"]); // the second start of two
      await upgradeDaemons(host(), ...NAMES);
      await execOk(host(), ["rm", "/opt/lab/no-program/start"]);
      await put(host(), "/opt/lab/no-interpreter/start", "#!/opt/lab/no-such-sh\n", "755");
      invocation = await property(host(), "fine.service", "InvocationID");
      const all = NAMES.filter((unit) => unit !== "refuses");
      applied = await applyUnits(host(), all, "6s");
    });

    test("a unit that is restarted runs new code under one new invocation and listens again", async () => {
      expect(outcome("fine")).toMatchObject({
        outcome: "done",
        evidence: expect.stringMatching(
          /^fine\.service restarted \(InvocationID \w{32} to \w{32}, main pid \d+ to \d+\)$/,
        ),
      });
      expect(outcome("fine")).not.toHaveProperty("journal");
      expect(await property(host(), "fine.service", "InvocationID")).not.toBe(invocation);
      expect(await starts(host(), "fine.service")).toBe(2);
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
        /restarted \(.*\), but then: fails-after-4s\.service is failed \(failed, Result=exit-code, exit code 3\)$/,
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
      expect(await property(host(), "no-program.service", "ActiveState")).toBe("active");
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
      expect(await property(host(), "like-sysv.service", "ActiveState")).toBe("active");
    });

    test("a unit that refuses is left alone and says so", async () => {
      expect(await remedyOf("refuses.service")).toMatchObject({
        automatic: false,
        reason: expect.stringContaining("RefuseManualStop=yes"),
      });
      expect(await starts(host(), "refuses.service")).toBe(1);
    });

    test("a unit that its start limit would leave stopped is not stopped", async () => {
      expect(outcome("once-an-hour")).toMatchObject({
        outcome: "vetoed",
        evidence: expect.stringContaining("would exceed its limit (2 starts in 3600 s) and leave it stopped"),
      });
      expect(await property(host(), "once-an-hour.service", "ActiveState")).toBe("active");
    });
  });

  test("a unit that hits its start limit all the same is started once, and reported", async () => {
    await startDaemons(host(), [{ name: "limited", unit: "StartLimitBurst=3\nStartLimitIntervalSec=1h" }]);
    await execOk(host(), ["systemctl", "restart", "limited"]);
    await upgradeDaemons(host(), "limited");
    // Started once more between the look at the budget and the restart.
    const before = `cat >/opt/lab/limited/twice <<'END'\nsystemctl restart limited\nEND\nsh /opt/lab/limited/twice`;
    await execOk(host(), ["journalctl", "--rotate", "--vacuum-time=1s", "--quiet"]); // and the budget cannot be told
    const performed = await perform(host(), "restart-service", "limited.service", before);
    expect(performed.outcome).toBe("failed");
    expect(performed.detail).toContain("limited.service hit its start limit and was started after reset-failed");
    expect(await property(host(), "limited.service", "ActiveState")).toBe("active");
  });

  test("a unit that waited for its start limit is not restarted when a veto has come up meanwhile", async () => {
    await startDaemons(host(), [{ name: "waits", unit: "StartLimitBurst=2\nStartLimitIntervalSec=25s" }]);
    await upgradeDaemons(host(), "waits");
    await execOk(host(), ["systemctl", "restart", "waits"]);
    await upgradeDaemons(host(), "waits");
    const before = await property(host(), "waits.service", "InvocationID");
    // Nothing speaks against it when it is begun.
    const intents = "cat /var/lib/afterpatch/agent/apply.jsonl 2>/dev/null | grep -c intent || true";
    const deny = `n=$(${intents}); until [ "$(${intents})" -gt "$n" ]; do sleep 0.1; done
      sleep 0.5; echo moving racks >/etc/afterpatch/deny`;
    const denied = exec(host(), ["sh", "-c", `mkdir -p /etc/afterpatch; ${deny}`]);
    const { code, steps } = await applyUnits(host(), ["waits"]);
    await denied;
    await execOk(host(), ["rm", "/etc/afterpatch/deny"]);
    expect(steps.get("waits.service")).toMatchObject({
      outcome: "vetoed",
      evidence: "waits.service was not restarted: /etc/afterpatch/deny exists: moving racks",
    });
    expect(code).toBe(3);
    expect(await property(host(), "waits.service", "InvocationID")).toBe(before);
  });

  test("a unit that was stopped meanwhile stays stopped", async () => {
    await startDaemons(host(), [{ name: "stopped" }]);
    await upgradeDaemons(host(), "stopped");
    const performed = await perform(host(), "restart-service", "stopped.service", "systemctl stop stopped");
    expect(performed).toMatchObject({ outcome: "skipped", happened: "no" });
    expect(await property(host(), "stopped.service", "ActiveState")).toBe("inactive");
  });

  test("a unit that is stopped while others are restarted is skipped", async () => {
    const slow = "sleep 3; systemd-notify --ready; exec $served";
    await startDaemons(host(), [
      { name: "a-slow", service: "Type=notify\nNotifyAccess=all", script: slow },
      { name: "b-stopped" },
    ]);
    await upgradeDaemons(host(), "a-slow", "b-stopped");
    const args = ["apply", "--unit", "a-slow", "--unit", "b-stopped", "--settle", "1s", "--yes"];
    const child = await spawnInside(host(), ["afterpatch-agent", ...args]);
    let said = "";
    let isStopped = false;
    for await (const text of child.stdout ?? []) {
      said += String(text);
      if (isStopped || !/^1\/2 restart-service a-slow\.service/m.test(said)) continue;
      isStopped = true;
      await execOk(host(), ["systemctl", "stop", "b-stopped"]);
    }
    expect(isStopped).toBe(true);
    expect(said).toMatch(/^done +restart-service a-slow\.service/m);
    expect(said).toMatch(/^skipped +restart-service b-stopped\.service/m);
    expect(await property(host(), "b-stopped.service", "ActiveState")).toBe("inactive");
  });

  test("an sshd that listens and does not answer failed", async () => {
    await startDaemons(host(), [{ name: "mute" }]);
    const file = "[Service]\nExecStart=/opt/lab/mute/sshd 8030\n";
    await execOk(host(), ["cp", "/opt/lab/served-1", "/opt/lab/mute/sshd"]);
    await put(host(), "/etc/systemd/system/mute.service", file, "644");
    await execOk(host(), ["sh", "-c", "systemctl daemon-reload && systemctl restart mute && sleep 1"]);
    await execOk(host(), ["sh", "-c", "cd /opt/lab/mute && cp /opt/lab/served-2 x && mv x sshd"]);
    const { code, steps } = await applyUnits(host(), ["mute"]);
    expect(code).toBe(2);
    expect(steps.get("mute.service")?.evidence).toContain("listens on tcp 8030, but no SSH server answers there");
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
