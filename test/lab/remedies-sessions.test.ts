import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Plan } from "@afterpatch/core/plan/types";
import type { Scan } from "@afterpatch/core/scan";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host } from "./host.ts";
import type { Init } from "./init.ts";
import { down, hostOf, type Lab, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";
import { type Crowd, crowdOn } from "./remedies/crowd.ts";
import { openSession, type Session } from "./session.ts";
import { replaceXinetd, untilListening } from "./super-server.ts";

const patient = { timeout: 20_000 };
const LISTEN_PORTS = [1143, 2143, 2222];

/** A lab of one host with xinetd, the agent, and what the tests do there. */
function stageFor(name: string, init: Init) {
  let payload: Payload | undefined;
  let made: { readonly lab: Lab; readonly host: Host } | undefined;
  const open: Session[] = [];
  const there = () => {
    if (made === undefined) throw new Error(`${name}: not made yet`);
    return made;
  };
  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(there().host, ["bash", "-euc", script, "bash", ...words])).trim();
  const put = (path: string, text: string, mode = "644") =>
    execOk(there().host, ["sh", "-c", 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"', "sh", path, mode], {
      input: text,
    });
  return {
    sh,
    put,
    host: () => there().host,
    agent: (): Agent => agentOn(there().host),
    set: async () => {
      payload = await stagePayload();
      const outfile = join(payload.directory, "act.mjs");
      const entryPoints = [join(import.meta.dirname, "remedies/act.ts")];
      await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" });
      const lab = await up({ name, hosts: 1, init, payload: payload.directory });
      made = { lab, host: hostOf(lab, 1) };
      return made.host;
    },
    clear: async () => {
      for (const session of open) await session.close();
      await down(name);
      await payload?.remove();
    },
    session: async (port: number, v6 = false) => {
      const session = await openSession(there().lab, there().host, port, { v6, timeoutMs: 30_000 });
      open.push(session);
      return session;
    },
    /** A program of its own for a service, so that it alone becomes old. */
    copied: (program: string, directory: string) => sh('mkdir -p "$2"; cp "$1" "$2"', program, directory),
    service: (id: string, port: number, attributes: string) =>
      put(
        `/etc/xinetd.d/${id}`,
        `service ${id}\n{\ntype = UNLISTED\nport = ${port}\nsocket_type = stream\nprotocol = tcp\nuser = root\n${attributes}\n}\n`,
      ),
    scan: () => agentOn(there().host).json<Scan>("scan"),
    apply: async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await agentOn(there().host).run("apply", ...args, "--yes", "-o", "json");
      if (stdout === "") throw new Error(`apply said nothing: exit ${code}: ${stderr}`);
      const { steps, proof } = JSON.parse(stdout) as ApplyDocument; // checked against its schema elsewhere
      const brief = steps.map(({ remedy, outcome }) => `${remedy.kind} ${remedy.target} ${outcome}`);
      return { code, steps, proof, brief };
    },
  };
}

const WAIT = "wait = yes\nserver = /opt/waits/imapd\nserver_args = --wait";

await describeLab("sessions and super-servers under systemd", () => {
  const { set, clear, sh, put, host, session, copied, service, scan, apply, agent } = stageFor(
    `rsess-${process.pid % 1000}`,
    "systemd",
  );
  const reload = () => sh("systemctl reload xinetd");
  const listenerOf = (port: number) =>
    sh(`ss -Hltnp "sport = :$1" | grep -o '"xinetd",pid=[0-9]*' | sort -u`, `${port}`);

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

  describe("xinetd runs old code itself", () => {
    let xinetd: string;

    test("its waiting server ends first, then it is restarted, then its old forks end; all is served again", async () => {
      const waited = await session(2143);
      const redirected = await session(2222);
      const crowd = await crowdOn(host(), 1143, 2);
      xinetd = await listenerOf(1143);
      await replaceBuild(host(), "/usr/sbin/xinetd");
      const { steps: planned } = await agent().json<Plan>("plan");
      expect(planned.map(({ id }) => id)).toEqual(["restart-service:xinetd.service", "end-session:redirected"]);
      expect(planned[0]?.because).toContain("the servers of waits are ended (wait = yes)");
      expect(planned[1]?.because).not.toContain("already start the new program");

      const { code, brief, steps, proof } = await apply("--settle", "1s");
      expect(steps.map(({ evidence }) => evidence)).toEqual([
        "xinetd.service restarted; 3 processes of sessions that were open go on",
        "ended 1 old session of redirected",
      ]);
      expect([code, brief]).toEqual([0, ["restart-service xinetd.service done", "end-session redirected done"]]);
      await waited.ended();
      await redirected.ended();
      expect(proof).toMatchObject({ findingsLeft: [] });
      const now = await listenerOf(1143);
      expect(now).not.toBe(xinetd);
      for (const port of LISTEN_PORTS) expect(await listenerOf(port)).toBe(now);
      expect(await crowd.ask()).toEqual({ "* imapd 1.0": 2 });
      crowd.close();
      expect((await scan()).findings).toEqual([]);
    });

    test("a port that another program took meanwhile comes back by one reload, once it is free", async () => {
      await put(
        "/opt/squat.pl",
        `use IO::Socket::INET; my ($port, $for) = @ARGV;
my $s = IO::Socket::INET->new(LocalPort => $port, Listen => 5, Proto => "tcp", ReuseAddr => 1) or die "bind: $!";
exit 0 if fork; open STDIN, "<", "/dev/null"; open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null"; sleep $for;\n`,
      );
      const squat = (seconds: number) =>
        put(
          "/run/systemd/system/squat.service",
          `[Service]\nType=forking\nExecStart=/usr/bin/perl /opt/squat.pl 1143 ${seconds}\n`,
        );
      await squat(4);
      await put(
        "/run/systemd/system/xinetd.service.d/squat.conf",
        "[Service]\nExecStopPost=/usr/bin/systemctl start squat.service\n",
      );
      await replaceBuild(host(), "/usr/sbin/xinetd");
      await sh("systemctl daemon-reload; journalctl --rotate --vacuum-time=1s -q");
      const { code, brief } = await apply("--unit", "xinetd", "--settle", "0s");
      expect([code, brief]).toEqual([0, ["restart-service xinetd.service done"]]);
      expect(await sh("journalctl -u xinetd --no-pager | grep -c 'Starting reconfiguration'")).toBe("1");
      await untilListening(host(), ...LISTEN_PORTS);

      await squat(600);
      await sh("systemctl daemon-reload");
    });

    test("a port that stays taken is reported with who has it; where a server is missing nothing is reloaded", async () => {
      await service("incomplete", 6143, "wait = no\nserver = /opt/incomplete/imapd");
      await replaceBuild(host(), "/usr/sbin/xinetd");
      await sh("journalctl --rotate --vacuum-time=1s -q");
      const { code, brief, steps } = await apply("--unit", "xinetd", "--settle", "0s");
      expect([code, brief]).toEqual([2, ["restart-service xinetd.service failed"]]);
      const squatter = await sh("systemctl show --value -p MainPID squat");
      expect(steps[0]?.evidence).toMatch(
        new RegExp(`does not serve many \\(tcp 1143, which pid ${squatter}, /usr/bin/perl, holds\\); it was not told`),
      );
      expect(steps[0]?.evidence).toContain("/opt/incomplete/imapd is not there or not executable");
      expect(await sh("journalctl -u xinetd --no-pager | grep -c 'Starting reconfiguration' || true")).toBe("0");
      await sh(`rm /run/systemd/system/xinetd.service.d/squat.conf /etc/xinetd.d/incomplete; systemctl stop squat
        systemctl daemon-reload; systemctl restart xinetd`);
      await untilListening(host(), ...LISTEN_PORTS);
    });

    test("it is not restarted while the program of a service that it serves is missing, and its forks stay with it", async () => {
      await replaceBuild(host(), "/usr/sbin/xinetd");
      await sh("mv /opt/many/imapd /opt/many/away");
      const redirected = await session(2222);
      const { code, steps, brief } = await apply("--settle", "0s");
      expect([code, brief]).toEqual([3, ["restart-service xinetd.service vetoed", "end-session redirected vetoed"]]);
      expect(steps[1]?.evidence).toBe("xinetd.service, of which they are forks, was not restarted");
      expect(redirected.isOpen()).toBe(true);
      await redirected.close();
      expect(steps[0]?.evidence).toContain("/opt/many/imapd, the program of its service many, is not there");
      await sh("mv /opt/many/away /opt/many/imapd");
    });

    test("where a restart ends all sessions it is asked for, says so, and does it by name", async () => {
      await put("/run/systemd/system/xinetd.service.d/native.conf", "[Service]\nKillMode=control-group\n");
      await sh("systemctl daemon-reload");
      const crowd = await crowdOn(host(), 1143, 2);
      const redirected = await session(2222);
      const remedies = (await scan()).findings.map(({ remedy }) => remedy);
      const asked = { automatic: false, onRequest: true };
      expect(remedies).toMatchObject([
        {
          ...asked,
          kind: "restart-service",
          reason: expect.stringMatching(/would end every open session of .*many.*KillMode=control-group/),
        },
        { ...asked, kind: "end-session", target: "redirected", after: "xinetd.service" },
      ]);
      expect((await apply("--settle", "0s")).brief).toEqual([]);
      const { code, brief } = await apply("--unit", "xinetd", "--settle", "0s");
      expect([code, brief]).toEqual([0, ["restart-service xinetd.service done"]]);
      expect(await crowd.ask()).toEqual({ closed: 2 });
      await redirected.ended();
      expect((await scan()).findings).toEqual([]);
    });
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

await describeLab("openbsd-inetd runs old code itself", () => {
  const { set, clear, sh, host, session, apply, scan } = stageFor(`rinet-${process.pid % 1000}`, "systemd");
  beforeAll(async () => {
    await set();
    await replaceXinetd(
      host(),
      "imap2 stream tcp nowait root /usr/sbin/imapd imapd\n2143 stream tcp wait root /usr/sbin/imapd imapd --wait\n",
    );
    await untilListening(host(), 143, 2143);
  });
  afterAll(clear);

  test("its waiting server ends first, other sessions go on, and it listens on IPv4 and IPv6 again", async () => {
    const waited = await session(2143);
    const open = await session(143);
    const listeners = () => sh("ss -Hltn '( sport = :143 or sport = :2143 )' | wc -l");
    const before = await listeners();
    await replaceBuild(host(), "/usr/sbin/inetd");
    const { code, brief, steps } = await apply("--settle", "1s");
    expect(steps[0]?.evidence).toBe("inetd.service restarted; 1 process of sessions that were open goes on");
    expect([code, brief]).toEqual([0, ["restart-service inetd.service done"]]);
    await waited.ended();
    expect(await open.ask("NOOP")).toContain("imapd");
    expect(await listeners()).toBe(before);
    expect((await session(2143)).greeting).toContain("imapd");
    expect((await scan()).findings).toEqual([]);
  });
});

await describeLab("sessions and xinetd under sysvinit", () => {
  const { set, clear, sh, put, host, session, copied, service, scan, apply } = stageFor(
    `rsysv-${process.pid % 1000}`,
    "sysvinit",
  );
  beforeAll(async () => {
    await set();
    await copied("/usr/sbin/imapd", "/opt/waits");
    await copied("/usr/sbin/sshd", "/opt/login");
    await service("waits", 2143, WAIT);
    await service("login", 2022, "wait = no\nserver = /opt/login/sshd\nserver_args = -i");
    await sh("service xinetd restart >/dev/null 2>&1 </dev/null");
    await untilListening(host(), 143, 2143, 2022);
  });
  afterAll(clear);

  test("a login over sshd -i is asked for by name, not ended", async () => {
    await sh(`mkdir -p /root/.ssh /run/sshd; cp /bin/sleep /opt/visitor; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id
      cp /root/.ssh/id.pub /root/.ssh/authorized_keys
      ssh -f -p 2022 -i /root/.ssh/id -o StrictHostKeyChecking=no 127.0.0.1 'exec /opt/visitor 4245' >/dev/null 2>&1 </dev/null`);
    await expect.poll(() => sh("pgrep -xc visitor || true"), patient).toBe("1");
    await replaceBuild(host(), "/opt/login/sshd");
    await replaceBuild(host(), "/opt/visitor");
    const { findings } = await scan();
    expect(new Set(findings.map(({ owner, remedy }) => `${owner.name} ${remedy.kind} ${remedy.automatic}`))).toEqual(
      new Set(["login end-session false"]),
    );
    expect(findings.length).toBeGreaterThanOrEqual(2);
    expect(await apply("--settle", "0s")).toMatchObject({ code: 0, brief: [] });
    expect(await sh("pgrep -xc visitor || true")).toBe("1");
    expect((await apply("--service", "login", "--settle", "0s")).brief).toEqual(["end-session login done"]);
    expect(await sh("pgrep -xc visitor || true")).toBe("0");
    expect((await scan()).findings).toEqual([]);
  });

  test("xinetd's waiting server ends before its script is run, and every port is served again", async () => {
    const waited = await session(2143);
    await put("/etc/afterpatch/agent.yaml", "users:\n  protected: [nobody-at-all]\n");
    await replaceBuild(host(), "/usr/sbin/xinetd");
    const { code, brief } = await apply("--settle", "1s");
    expect([code, brief]).toEqual([0, ["restart-service xinetd done"]]);
    await waited.ended();
    await untilListening(host(), 143, 2143, 2022);
    expect((await scan()).findings).toEqual([]);
  });

  test("it stays as it is while somebody who is protected has a session that would end", async () => {
    await sh("useradd alice || adduser --disabled-password --gecos '' alice");
    await service("waits", 2143, WAIT);
    await sh(
      "sed -i 's/user = root/user = alice/' /etc/xinetd.d/waits; service xinetd reload >/dev/null 2>&1 </dev/null",
    );
    await untilListening(host(), 2143);
    const waited = await session(2143);
    await put("/etc/afterpatch/agent.yaml", "users:\n  protected: [alice]\n");
    await replaceBuild(host(), "/usr/sbin/xinetd");
    const { findings } = await scan();
    expect(findings[0]?.remedy).toMatchObject({
      automatic: false,
      reason: expect.stringContaining("sessions of alice"),
    });
    expect((await apply("--settle", "0s")).brief).toEqual([]);
    expect(
      (await exec(host(), ["/opt/afterpatch/bin/afterpatch-agent", "apply", "--unit", "xinetd", "--yes"])).stdout,
    ).not.toMatch(/^done /m);
    expect(await waited.ask("NOOP")).toContain("imapd");
  });
});
