import type { Plan } from "@afterpatch/core/plan/types";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { replaceBuild } from "./rebuild.ts";
import { crowdOn } from "./remedies/crowd.ts";
import { LISTEN_PORTS, stageFor, WAIT } from "./remedies/stage.ts";
import { untilListening } from "./super-server.ts";

await describeLab("xinetd runs old code itself", () => {
  const { set, clear, sh, put, host, session, copied, service, scan, apply, agent } = stageFor(
    `rxin-${process.pid % 1000}`,
    "systemd",
  );
  const listenerOf = (port: number) =>
    sh(`ss -Hltnp "sport = :$1" | grep -o '"xinetd",pid=[0-9]*' | sort -u`, `${port}`);

  beforeAll(async () => {
    await set();
    for (const one of ["many", "waits"]) await copied("/usr/sbin/imapd", `/opt/${one}`);
    await service("many", 1143, "wait = no\ncps = 1000 1\nserver = /opt/many/imapd");
    await service("waits", 2143, WAIT);
    await service("redirected", 2222, "wait = no\nredirect = 127.0.0.1 22");
    await sh("systemctl reload xinetd");
    await untilListening(host(), ...LISTEN_PORTS);
  });
  afterAll(clear);

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
      expect.stringMatching(
        /^xinetd\.service restarted \(InvocationID .*\); 3 processes of sessions that were open go on$/,
      ),
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
