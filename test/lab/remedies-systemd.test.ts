import { beforeAll, describe, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { upgradeLibssl } from "./errata.ts";
import { exec, execOk } from "./host.ts";
import {
  apply,
  applyUnits,
  asAlice,
  property,
  startDaemons,
  startDaemonsOfAlice,
  starts,
  upgradeDaemons,
} from "./remedies/services.ts";
import { systemdHost } from "./remedies/systemd-host.ts";

await describeLab("remedies on a host with systemd", () => {
  const { host, remedyOf } = systemdHost(`remedies-${process.pid % 1000}`);

  describe("what systemd restarts along", () => {
    test("comes after what takes it along, and is restarted once", async () => {
      await startDaemons(host(), [
        { name: "z-db", script: "exec $served 8010" },
        { name: "a-app", unit: "PartOf=z-db.service\nAfter=z-db.service", script: "exec $served 8011" },
        { name: "b-app", unit: "Requires=z-db.service", script: "exec $served 8012" },
        { name: "c-far", unit: "BindsTo=a-app.service" },
        { name: "d-other", unit: "Wants=z-db.service" },
      ]);
      await upgradeDaemons(host(), "z-db", "a-app", "b-app", "c-far");
      const along = ["a-app.service", "b-app.service", "c-far.service"];
      const { code, steps, document } = await applyUnits(host(), ["z-db", "a-app", "b-app", "c-far"]);
      expect(document.steps.map(({ remedy }) => remedy.target)).toEqual(["z-db.service", ...along]);
      expect(document.steps[0]?.because).toContain(`systemd restarts ${along.join(", ")} along with it.`);
      expect(document.steps.map(({ outcome }) => outcome)).toEqual(["done", "skipped", "skipped", "skipped"]);
      expect(steps.get("a-app.service")?.evidence).toBe("nothing of it runs old code any more");
      expect(code).toBe(0);
      for (const unit of ["z-db.service", ...along]) expect([unit, await starts(host(), unit)]).toEqual([unit, 2]);
      expect(await starts(host(), "d-other.service")).toBe(1);
    });

    test("fails the restart that took it along when it does not come up again", async () => {
      await startDaemons(host(), [
        { name: "e-db" },
        {
          name: "e-app",
          unit: "PartOf=e-db.service",
          script: "[ -e /opt/lab/e-app/ran ] && exit 7\ntouch /opt/lab/e-app/ran; exec $served",
        },
      ]);
      await upgradeDaemons(host(), "e-db");
      const { code, steps } = await applyUnits(host(), ["e-db"]);
      expect(code).toBe(2);
      expect(steps.get("e-db.service")?.evidence).toMatch(/e-app\.service is failed .*exit code 7.* along with e-db/);
    });

    test("forbids a restart by its own rule", async () => {
      await startDaemons(host(), [{ name: "f-db" }, { name: "docker", unit: "PartOf=f-db.service" }]);
      await upgradeDaemons(host(), "f-db");
      expect(await remedyOf("f-db.service")).toMatchObject({
        automatic: false,
        onRequest: true,
        reason: expect.stringContaining("docker.service with it"),
      });
    });
  });

  test("what is restarted on request is restarted when a person names it, and not before", async () => {
    await upgradeDaemons(host(), "docker");
    expect(await remedyOf("docker.service")).toMatchObject({ automatic: false, onRequest: true });
    const all = await apply(host(), ["--only", "restart-service", "--dry-run"]);
    expect(all.steps.has("docker.service")).toBe(false);
    const { code, steps } = await applyUnits(host(), ["docker"]);
    expect(steps.get("docker.service")).toMatchObject({ outcome: "done" });
    expect(code).toBe(0);
  });

  describe("services of a user who lingers", () => {
    const manager = "user@1000.service";
    const alices = (unit: string, name: string) =>
      asAlice(host(), "systemctl", "--user", "show", "--value", `--property=${name}`, `${unit}.service`);

    beforeAll(async () => {
      await startDaemonsOfAlice(host(), [
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
      await upgradeDaemons(host(), "sync", "sync-gui", "breaks", "xdg-portal");
    });

    test("are restarted through their manager, and proved as others are", async () => {
      const invocations = () => Promise.all(["sync", "sync-gui", "apart"].map((unit) => alices(unit, "InvocationID")));
      const before = await invocations();
      const { code, steps } = await apply(host(), ["--unit", `${manager}/sync.service`, "--settle", "2s"]);
      expect(steps.get(`${manager}/sync.service`)).toMatchObject({ outcome: "done" });
      expect(steps.get(`${manager}/sync.service`)?.because).toContain("systemd restarts user@1000.service/sync-gui");
      expect(code).toBe(0);
      const after = await invocations();
      expect(after.map((id, at) => id === before[at])).toEqual([false, false, true]);
      expect(await execOk(host(), ["stat", "-c", "%u", `/proc/${(await alices("sync", "MainPID")).trim()}`])).toBe(
        "1000\n",
      );
      expect(await remedyOf(`${manager}/sync.service`)).toBeUndefined();
    });

    test("that fail say why", async () => {
      const { code, steps } = await apply(host(), ["--unit", `${manager}/breaks.service`, "--settle", "2s"]);
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

  describe("after an upgrade of libssl3", () => {
    let session: string;

    beforeAll(async () => {
      const login = `mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id
        cp /root/.ssh/id.pub /root/.ssh/authorized_keys
        ssh -f -i /root/.ssh/id -o StrictHostKeyChecking=no root@127.0.0.1 'sleep 4242' </dev/null >/dev/null 2>&1
        until pgrep -fx 'sleep 4242'; do sleep 0.1; done`;
      session = (await execOk(host(), ["sh", "-c", login])).trim();
      await upgradeLibssl(host());
    });

    test("sshd is not stopped while its configuration has a mistake", async () => {
      await execOk(host(), ["sh", "-c", "echo 'Bogus yes' >/etc/ssh/sshd_config.d/bogus.conf"]);
      const before = await property(host(), "ssh.service", "MainPID");
      const { code, steps } = await applyUnits(host(), ["ssh"]);
      expect(code).toBe(3);
      expect(steps.get("ssh.service")).toMatchObject({
        outcome: "vetoed",
        evidence: expect.stringMatching(/sshd -t says: .*bogus\.conf: line 1: Bad configuration option: Bogus/),
      });
      expect(await property(host(), "ssh.service", "MainPID")).toBe(before);
      await execOk(host(), ["rm", "/etc/ssh/sshd_config.d/bogus.conf"]);
    });

    test("sshd's listener is restarted, its sessions go on and are told to their owners", async () => {
      const { code, steps, document } = await applyUnits(host(), ["ssh"]);
      expect(steps.get("ssh.service")).toMatchObject({ outcome: "done" });
      expect(code).toBe(0);
      expect((await exec(host(), ["kill", "-0", session])).code).toBe(0);
      const residue = document.proof?.residue.filter(({ reason }) =>
        reason.includes("A restart of ssh.service leaves"),
      );
      expect(residue).toMatchObject([{ owner: "/usr/sbin/sshd" }]);
      const banner = ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/22; head -c 4 <&3"];
      expect(await execOk(host(), banner)).toBe("SSH-");
    });

    test("PID 1 and the manager of a user execute themselves anew, and nothing of theirs is touched", async () => {
      const invocation = () =>
        asAlice(host(), "systemctl", "--user", "show", "--value", "--property=InvocationID", "sync");
      const before = [await invocation(), await property(host(), "cron.service", "InvocationID")];
      const { code, document } = await apply(host(), ["--only", "reexec", "--settle", "1s"]);
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
      expect([await invocation(), await property(host(), "cron.service", "InvocationID")]).toEqual(before);
      const pam = document.proof?.residue.find(({ owner }) => owner === "user@1000.service");
      expect(pam?.reason).toContain("(sd-pam)");
      expect(pam?.findings).toHaveLength(1);
    });

    test("logind is restarted on request", async () => {
      const { code, steps } = await applyUnits(host(), ["systemd-logind"]);
      expect(steps.get("systemd-logind.service")).toMatchObject({ outcome: "done" });
      expect(code).toBe(0);
    });
  });
});
