import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { execOk } from "./host.ts";
import { replaceBuild } from "./rebuild.ts";
import { type Crowd, crowdOn } from "./remedies/crowd.ts";
import { LISTEN_PORTS, stageFor, WAIT } from "./remedies/stage.ts";
import { untilListening } from "./super-server.ts";

const patient = { timeout: 20_000 };

await describeLab("sessions under systemd", () => {
  const { set, clear, sh, put, host, session, copied, service, scan, apply, agent } = stageFor(
    `rsess-${process.pid % 1000}`,
    "systemd",
  );
  const reload = () => sh("systemctl reload xinetd");

  beforeAll(async () => {
    await set();
    for (const one of ["many", "waits"]) await copied("/usr/sbin/imapd", `/opt/${one}`);
    await service("many", 1143, "wait = no\ncps = 1000 1\nserver = /opt/many/imapd");
    await service("waits", 2143, WAIT);
    await service("redirected", 2222, "wait = no\nredirect = 127.0.0.1 22");
    await reload();
    await untilListening(host(), ...LISTEN_PORTS);
  });
  afterAll(clear);

  describe("50 open sessions, 20 of them old and 3 of those left by an earlier xinetd", () => {
    let crowds: readonly Crowd[];
    const answers = async () => Promise.all(crowds.map((crowd) => crowd.ask()));

    beforeAll(async () => {
      const orphans = await crowdOn(host(), 1143, 3);
      await sh("systemctl restart xinetd");
      await untilListening(host(), ...LISTEN_PORTS);
      const old = await crowdOn(host(), 1143, 17);
      await replaceBuild(host(), "/opt/many/imapd");
      crowds = [orphans, old, await crowdOn(host(), 1143, 30)];
    });
    afterAll(() => {
      for (const crowd of crowds) crowd.close();
    });

    test("exactly those 20 are ended, and the 30 fresh ones answer", async () => {
      const answered = "* imapd 1.0";
      expect(await answers()).toEqual([{ [answered]: 3 }, { [answered]: 17 }, { [answered]: 30 }]);
      expect((await scan()).findings).toHaveLength(20);
      const fresh = await sh("pgrep -x imapd | sort -n | tail -30");
      const { code, brief, steps } = await apply("--service", "many", "--settle", "0s");
      expect([code, brief]).toEqual([0, ["end-session many done"]]);
      expect(steps[0]?.evidence).toBe("ended 20 old sessions of many");
      expect(await answers()).toEqual([{ closed: 3 }, { closed: 17 }, { [answered]: 30 }]);
      expect(await sh("pgrep -x imapd | sort -n")).toBe(fresh);
      expect((await scan()).findings).toEqual([]);
    });
  });

  test("a session that ignores TERM is killed after the grace time and not before", async () => {
    await copied("/bin/bash", "/opt/stubborn");
    const script = 'trap "date +%s%N >>/opt/stubborn/told" TERM; echo hello; while :; do read -r line; done\n';
    await put("/opt/stubborn/run", script);
    await service("stubborn", 3143, "wait = no\nserver = /opt/stubborn/bash\nserver_args = /opt/stubborn/run");
    await reload();
    await untilListening(host(), 3143);
    const client = await session(3143);
    const pid = await sh("pgrep -f '^bash /opt/stubborn/run'");
    await replaceBuild(host(), "/opt/stubborn/bash");
    const applying = apply("--service", "stubborn", "--settle", "0s", "--grace", "3s");
    await expect.poll(() => sh("cat /opt/stubborn/told || true"), { timeout: 30_000, interval: 20 }).not.toBe("");
    // Of the host's own clock: when it was told to end, and until when it was there.
    const [told, gone] = (
      await sh(
        'while [ -e "/proc/$1" ]; do now=$(date +%s%N); sleep 0.02; done; echo "$(cat /opt/stubborn/told) $now"',
        pid,
      )
    ).split(" ");
    const { code, steps } = await applying;
    expect([code, steps[0]?.evidence]).toEqual([0, "ended 1 old session of stubborn, 1 process by KILL after 3000 ms"]);
    const graceMs = (Number(gone) - Number(told)) / 1e6;
    expect(graceMs).toBeGreaterThan(2800);
    await client.ended();
  });

  test("what a session forks when it is told to end is ended, too", async () => {
    await copied("/bin/bash", "/opt/forks");
    await put(
      "/opt/forks/run",
      'trap "/opt/forks/bash /opt/forks/child & exit" TERM; echo hello; while :; do sleep 1000 & wait; done\n',
    );
    await put("/opt/forks/child", "touch /opt/forks/began; while :; do sleep 1000; done\n");
    await service("forks", 4143, "wait = no\nserver = /opt/forks/bash\nserver_args = /opt/forks/run");
    await reload();
    await untilListening(host(), 4143);
    const client = await session(4143);
    await replaceBuild(host(), "/opt/forks/bash");
    expect((await apply("--service", "forks", "--settle", "0s", "--grace", "5s")).code).toBe(0);
    await client.ended();
    expect(await sh("ls /opt/forks/began; pgrep -fc '^/opt/forks' || true")).toBe("/opt/forks/began\n0");
  });

  test("what a session has put into a unit of its own is not ended with it, and all else is", async () => {
    await copied("/bin/bash", "/opt/leaver");
    const apart = "/usr/bin/systemd-run --quiet --scope --unit=leaver /bin/sleep 4242 </dev/null >/dev/null 2>&1";
    const run = `${apart} & setsid /bin/sleep 4243 & echo hello; while :; do read -r line || exit; done\n`;
    await put("/opt/leaver/run", run);
    await service("leaver", 3243, "wait = no\nserver = /opt/leaver/bash\nserver_args = /opt/leaver/run");
    await reload();
    await untilListening(host(), 3243);
    const client = await session(3243);
    await expect.poll(() => sh("pgrep -fx '.*/sleep 424[23]' | wc -l"), patient).toBe("2");
    await replaceBuild(host(), "/opt/leaver/bash");
    expect((await apply("--service", "leaver", "--settle", "0s")).code).toBe(0);
    await client.ended();
    expect(await sh("pgrep -afx '.*/sleep 424[23]' | cut -d ' ' -f 3; systemctl is-active leaver.scope")).toBe(
      "4242\nactive",
    );
    await sh("systemctl stop leaver.scope");
  });

  test("another process that got the pid of an old session between scan and action gets no signal", async () => {
    await copied("/usr/sbin/imapd", "/opt/reused");
    await service("reused", 7143, "wait = no\nserver = /opt/reused/imapd");
    await reload();
    await untilListening(host(), 7143);
    const client = await session(7143);
    const pid = /pid (\d+)/.exec(await client.ask("NOOP"))?.[1] ?? "";
    await replaceBuild(host(), "/opt/reused/imapd");
    await put("/opt/reused/again.pl", readFileSync(join(import.meta.dirname, "remedies/again.pl"), "utf8"));
    const again = `kill -9 ${pid}; while [ -e /proc/${pid} ]; do sleep 0.01; done
      unshare --mount sh -c 'mount -t proc proc /mnt && exec perl /opt/reused/again.pl ${pid} /mnt/sys/kernel/ns_last_pid'`;
    const act = ["/opt/afterpatch/node", "/opt/afterpatch/act.mjs", "end-session", "reused", again];
    const { before, performed } = JSON.parse(await execOk(host(), act));
    expect(before.sessions.map((one: { readonly pid: number }) => one.pid)).toEqual([Number(pid)]);
    expect(performed.outcome).toBe("done");
    // It is there under that pid, leads a session of that number, and would have noted a signal.
    expect(await sh('ps -o sid=,comm= -p "$1"; ls /opt/reused', pid)).toMatch(
      new RegExp(`^\\s*${pid} perl\\nagain.pl\\nimapd$`),
    );
    await sh('kill -9 "$1"', pid);
  });

  describe("connections of Accept=yes sockets", () => {
    const socket = async (name: string, port: number, lines: string) => {
      await put(`/run/systemd/system/${name}.socket`, `[Socket]\nListenStream=${port}\nAccept=yes\n`);
      await put(`/run/systemd/system/${name}@.service`, `[Service]\nStandardInput=socket\n${lines}\n`);
      await sh('systemctl daemon-reload; systemctl start "$1.socket"', name);
    };

    test("old ones are stopped and not restarted, fresh ones stay; one that ignores TERM is killed after the grace time", async () => {
      for (const one of ["letters", "obstinate"]) await sh('mkdir -p "/opt/$1"', one);
      await sh("cp /usr/sbin/imapd /opt/letters; cp /bin/bash /opt/obstinate");
      await put("/opt/obstinate/run", "trap '' TERM; echo hello; while :; do read -r line; done\n");
      await socket("letters", 8143, "ExecStart=/opt/letters/imapd");
      await socket("obstinate", 8144, "ExecStart=/opt/obstinate/bash /opt/obstinate/run");
      const old = [await session(8143), await session(8143, true)];
      const deaf = await session(8144);
      await replaceBuild(host(), "/opt/letters/imapd");
      await replaceBuild(host(), "/opt/obstinate/bash");
      const fresh = await session(8143);
      const greeted = await fresh.ask("NOOP");
      const { code, steps, proof } = await apply(
        "--service",
        "letters",
        "--service",
        "obstinate.socket",
        "--settle",
        "0s",
        "--grace",
        "2s",
      );
      expect(steps.map(({ remedy, evidence }) => [remedy.target, evidence])).toEqual([
        ["letters.socket", "stopped 2 old connections of letters.socket"],
        ["obstinate.socket", "stopped 1 old connection of obstinate.socket, 1 process by KILL after 2000 ms"],
      ]);
      expect([code, proof]).toMatchObject([0, { findingsLeft: [] }]);
      expect(steps[1]?.elapsedMs).toBeGreaterThan(1950);
      for (const one of [...old, deaf]) await one.ended();
      expect(await fresh.ask("NOOP")).toBe(greeted);
      expect(await sh("systemctl list-units --no-legend --plain 'letters@*' 'obstinate@*' | wc -l")).toBe("1");
    });

    test("a process of theirs that their own stop leaves is ended as well", async () => {
      await sh("mkdir -p /opt/leaves; cp /bin/bash /opt/leaves");
      await put("/opt/leaves/run", "/opt/leaves/bash /opt/leaves/child </dev/null & echo hello; read -r line\n");
      await put("/opt/leaves/child", "while :; do sleep 1000 & wait; done\n");
      await socket("leaves", 8145, "KillMode=process\nExecStart=/opt/leaves/bash /opt/leaves/run");
      const client = await session(8145);
      await replaceBuild(host(), "/opt/leaves/bash");
      // Its child is a second bash for a moment, until that has executed sleep.
      await expect.poll(async () => (await scan()).findings.length, patient).toBe(2);
      const { code, steps } = await apply("--service", "leaves", "--settle", "0s", "--grace", "5s");
      expect([code, steps[0]?.evidence]).toEqual([0, "stopped 1 old connection of leaves.socket"]); // none by KILL
      await client.ended();
      expect(await sh("pgrep -fc '^/opt/leaves' || true")).toBe("0");
    });

    test("sshd is asked for by name", async () => {
      await sh("mkdir -p /opt/login; cp /usr/sbin/sshd /opt/login");
      await socket("login", 8022, "ExecStart=-/opt/login/sshd -i");
      const client = await session(8022);
      await replaceBuild(host(), "/opt/login/sshd");
      expect((await apply("--settle", "0s")).brief).toEqual([]);
      expect(client.isOpen()).toBe(true);
      expect((await apply("--service", "login", "--settle", "0s")).brief).toEqual(["end-session login.socket done"]);
      await client.ended();
    });

    test("a service that nobody has is an error that lists those there are", async () => {
      const { code, stderr, stdout } = await agent().run("apply", "--service", "lettres", "--yes");
      expect([code, stdout]).toEqual([6, ""]);
      for (const known of ["many", "waits", "letters.socket"]) expect(stderr).toContain(known);
    });
  });
});
