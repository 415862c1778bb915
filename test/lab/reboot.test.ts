import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LabFleet } from "../e2e/fleet.ts";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { exitCode } from "./commands.ts";
import { describeLab } from "./describe.ts";
import { bootId, booted, exec, execOk, type Host, spawnInside } from "./host.ts";
import type { Init } from "./init.ts";
import { down, hostOf, up } from "./lab.ts";
import { AGENT, apply, file, genuine, goesDown, instead, leave, put, records, run } from "./rebooting.ts";

// Hosts that reboot for real. Their kernel is this machine's and unknown to them: only a person's order counts.

const patient = { timeout: 30_000, interval: 100 };
const REBOOT = ["reboot", "--yes", "--settle", "1s"] as const;

await describeLab("hosts that a person reboots", () => {
  let payload: Payload;
  const labs: string[] = [];
  let fleet: LabFleet | undefined;
  beforeAll(async () => {
    payload = await stagePayload();
  });
  afterAll(async () => {
    for (const name of labs) await down(name);
    await fleet?.remove();
    await payload?.remove();
  });

  async function hosts(count: number, init: Init): Promise<readonly Host[]> {
    const name = `rbt-${init}-${process.pid}`;
    labs.push(name);
    // People are logged in where PAM tells logind so.
    const packages = init === "systemd" ? ["libpam-systemd"] : [];
    const lab = await up({ name, hosts: count, init, packages, payload: payload.directory });
    const made = lab.hosts.map((_, index) => hostOf(lab, index + 1));
    await Promise.all(made.map((host) => file(host, "caps: { minimumUptime: 0s, reboots: 24 }\n")));
    return made;
  }

  describe("with systemd", () => {
    let host: Host;
    let still: Host;
    beforeAll(async () => {
      [host, still] = (await hosts(2, "systemd")) as [Host, Host]; // two were ordered
    });

    test("a reboot is proved by the new boot, once, by the next apply", async () => {
      const { before, after } = await goesDown(host, REBOOT);
      const { code, document } = await apply(host);
      expect([code, document.resumed]).toMatchObject([
        0,
        [
          {
            ending: { result: "verified", code: "" },
            steps: [{ kind: "reboot", outcome: "done", evidence: expect.stringMatching(`, boot id ${after}$`) }],
          },
        ],
      ]);
      expect([after !== before, await bootId(host)]).toEqual([true, after]);
      expect((await apply(host)).document.resumed).toEqual([]);
    });

    test("somebody is logged in, for whose sake logind would refuse whoever lets it: the host goes down", async () => {
      const session = ["--unit=alice", "--uid=alice", "--property=PAMName=login", "--setenv=XDG_SESSION_TYPE=tty"];
      await execOk(host, ["useradd", "alice"]);
      await execOk(host, ["systemd-run", "--quiet", ...session, "sleep", "100000"]);
      const sessions = () => execOk(host, ["loginctl", "list-sessions", "--no-legend"]);
      await expect.poll(sessions, patient).toContain("alice");
      const letIt = await exec(host, ["systemctl", "reboot", "--check-inhibitors=yes"]);
      expect([letIt.code, letIt.stderr]).toEqual([1, expect.stringContaining("User alice is logged in")]);
      await goesDown(host, REBOOT);
      const { code, document } = await apply(host);
      expect([code, document.resumed[0]?.ending]).toMatchObject([0, { result: "verified" }]);
    });

    test("an agent that is killed before its intent had an effect: the next one repeats it once", async () => {
      const before = await bootId(host);
      await instead(host, "systemctl", 'case "$*" in *reboot*) kill -9 $PPID; exit 0;; esac');
      await run(host, ...REBOOT);
      expect(await bootId(host)).toBe(before);
      expect(await records(host)).toEqual(["begun", "intent"]);
      await genuine(host, "systemctl");
      const { after } = await goesDown(host, ["apply", "--yes"]);
      const { code, document } = await apply(host);
      expect([code, document.resumed[0]?.ending]).toMatchObject([0, { result: "verified" }]);
      expect(await records(host)).toEqual(["begun", "intent", "intent", "booted", "outcome", "ended", "acknowledged"]);
      expect(await bootId(host)).toBe(after);
    });

    test("an agent that is killed while its host goes down: it is not repeated", async () => {
      await instead(
        host,
        "systemctl",
        'case "$*" in *reboot*) /usr/bin/systemctl.genuine "$@"; kill -9 $PPID; exit 0;; esac',
      );
      const { after } = await goesDown(host, REBOOT);
      await genuine(host, "systemctl");
      const { document } = await apply(host);
      expect(document.resumed[0]?.ending).toMatchObject({ result: "verified" });
      expect((await records(host)).filter((type) => type === "intent")).toHaveLength(1);
      expect(await bootId(host)).toBe(after);
    });

    test("a host that goes down once more before it was proved", async () => {
      await goesDown(host, ["reboot", "--yes", "--settle", "1h"]);
      await leave(host, ["apply", "--yes"]);
      await expect.poll(() => records(host), patient).toContain("booted");
      const between = await bootId(host);
      await execOk(host, ["systemctl", "reboot"]);
      await booted(host, between);
      expect(await records(host)).toEqual(["begun", "intent", "booted"]);
      const { code, document } = await apply(host);
      const message = expect.stringMatching(/it rebooted, but it went down once more after it was back/);
      expect([code, document.resumed[0]?.ending]).toMatchObject([
        2,
        { result: "failed", code: "second-boot", message },
      ]);
    });

    test("a unit that fails since the boot", async () => {
      const unit = `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/test -e /run/fine
[Install]\nWantedBy=multi-user.target\n`;
      await put(host, "/etc/systemd/system/fragile.service", unit);
      await execOk(host, ["sh", "-c", "touch /run/fine; systemctl enable --quiet --now fragile.service"]);
      await goesDown(host, REBOOT);
      const { code, document } = await apply(host);
      const message = "reboot host: it rebooted, but fragile.service failed since";
      expect([code, document.resumed[0]?.ending]).toMatchObject([
        2,
        { result: "failed", code: "units-failed", message },
      ]);
    });

    test("one that gives people time is cancelled by them; nobody else acts meanwhile", async () => {
      const before = await bootId(still);
      const command = [AGENT, "reboot", "--yes", "--delay", "1h", "--message", "new kernel", "-o", "json"];
      const waiting = await spawnInside(still, command);
      let said = "";
      waiting.stdout?.on("data", (chunk) => (said += String(chunk)));
      const ended = exitCode(waiting);
      await expect.poll(async () => (await exec(still, ["cat", "/run/afterpatch/reboot.json"])).code, patient).toBe(0);
      const other = await run(still, "apply", "--yes");
      expect([other.code, other.stderr]).toEqual([
        9,
        expect.stringMatching(/a reboot of this host waits until .*--cancel/),
      ]);
      const cancelled = await run(still, "reboot", "--cancel", "--message", "backup runs");
      expect([cancelled.code, cancelled.stdout]).toEqual([
        0,
        expect.stringMatching(/^cancelled: .* \(new kernel\)\n$/),
      ]);
      expect(await ended).toBe(3);
      expect((JSON.parse(said) as ApplyDocument).ending).toEqual({
        result: "refused",
        code: "cancelled",
        message: "cancelled on the host by root: backup runs",
      });
      expect(await run(still, "reboot", "--cancel")).toMatchObject({
        code: 6,
        stderr: expect.stringContaining("no reboot"),
      });
      expect(await bootId(still)).toBe(before);
    });

    test("one that gives people time comes though whoever ordered it has logged out", async () => {
      const before = await bootId(still);
      const typed = `${AGENT} reboot --yes --delay 3s --settle 1s`;
      const terminal = await spawnInside(still, ["script", "--quiet", "--command", typed, "/dev/null"]);
      const loggedOut = exitCode(terminal);
      await expect.poll(async () => (await exec(still, ["cat", "/run/afterpatch/reboot.json"])).code, patient).toBe(0);
      await execOk(still, ["pkill", "-KILL", "-x", "script"]);
      await loggedOut;
      await booted(still, before);
      expect((await apply(still)).document.resumed[0]?.ending).toMatchObject({ result: "verified" });
    });

    test.each<[string, string, string, RegExp]>([
      [
        "a shutdown that a person has scheduled",
        "shutdown -r +600 'move of racks' 2>/dev/null",
        "shutdown -c",
        /a reboot is scheduled for .* by uid 0 \(move of racks\); 'shutdown -c' cancels it/,
      ],
      [
        "a lock against shutdown, whatever the file says",
        `echo 'vetoes: { inhibitors: false }' >/etc/afterpatch/agent.yaml; systemd-run --quiet --unit=backup systemd-inhibit \
          --what=shutdown --mode=block --who=backup --why=nightly sleep 600
          until grep -rqs nightly /run/systemd/inhibit; do sleep 0.1; done`,
        "systemctl stop backup",
        /backup \(pid \d+\) holds off shutdown: nightly/,
      ],
      [
        "a cap of reboots",
        "echo 'caps: { reboots: 0, minimumUptime: 0s }' >/etc/afterpatch/agent.yaml",
        "true",
        /1 reboot in the last 24 hours, and caps\.reboots is 0/,
      ],
      [
        "a file that does not allow them",
        "echo 'verbs: [restart-service]' >/etc/afterpatch/agent.yaml",
        "true",
        /the agent's file does not allow reboot/,
      ],
    ])("%s holds it off", async (_name, prepare, tidy, words) => {
      const before = await bootId(still);
      await execOk(still, ["sh", "-ec", prepare]);
      const { code, stdout } = await run(still, ...REBOOT, "-o", "json");
      expect([code, (JSON.parse(stdout) as ApplyDocument).ending.message]).toEqual([3, expect.stringMatching(words)]);
      await execOk(still, ["sh", "-ec", tidy]);
      await file(still, "caps: { minimumUptime: 0s }\n");
      expect(await bootId(still)).toBe(before);
    });

    test("a method that the host has not, and a place where nobody takes the order, are told in one line", async () => {
      const kexec = await run(still, ...REBOOT, "--method", "kexec");
      expect([kexec.code, kexec.stdout]).toEqual([3, expect.stringContaining("kexec: no kernel is loaded for it")]);
      const soft = await run(still, ...REBOOT, "--method", "soft-reboot");
      expect([soft.code, soft.stdout]).toEqual([
        3,
        expect.stringContaining("soft-reboot: this systemd does not count"),
      ]);
      const inside = ["unshare", "--pid", "--fork", "--mount-proc", AGENT, ...REBOOT];
      const { code, stdout } = await exec(still, inside);
      expect([code, stdout]).toEqual([
        3,
        expect.stringMatching(/nothing was done: PID 1 is .*: neither systemd nor sysvinit/),
      ]);
      const nobody = await exec(still, ["setpriv", "--reuid=65534", "--clear-groups", AGENT, ...REBOOT]);
      expect([nobody.code, nobody.stderr]).toEqual([5, expect.stringContaining("needs root to act on this host")]);
    });
  });

  test("the daemon of a host that is back proves what was typed there, and the next apply tells", async () => {
    fleet = await LabFleet.make(`rbt-fleet-${process.pid}`, 1, () => {});
    const [host] = fleet.hosts as [Host]; // one was ordered
    await file(host, "caps: { minimumUptime: 0s }\n");
    await goesDown(host, REBOOT);
    await expect.poll(() => records(host), patient).toEqual(["begun", "intent", "booted", "outcome", "ended"]);
    const { code, document } = await apply(host);
    expect([code, document.resumed[0]?.ending]).toMatchObject([0, { result: "verified" }]);
  });

  test("with sysvinit", async () => {
    const [host] = (await hosts(1, "sysvinit")) as [Host]; // one was ordered
    // Not an option of shutdown(8), which would warn people and do nothing else.
    const { before, after } = await goesDown(host, [...REBOOT, "--message=-k"]);
    const { code, document } = await apply(host);
    expect([code, document.resumed[0]?.ending]).toMatchObject([0, { result: "verified" }]);
    expect([before !== after, await bootId(host)]).toEqual([true, after]);
  });
});
