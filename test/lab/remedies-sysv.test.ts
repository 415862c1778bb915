import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";

/** What a script does with its daemon. */
interface Lines {
  readonly stop: string;
  readonly start: string;
}

const name = `remedies-sysv-${process.pid}`;
const patient = { timeout: 20_000 };

await describeLab("scripts of init that do not do what they say", () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;

  beforeAll(async () => {
    payload = await stagePayload();
    const lab = await up({ name, hosts: 1, init: "sysvinit", payload: payload.directory });
    host = hostOf(lab, 1);
    agent = agentOn(host);
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(host, ["sh", "-euc", script, "sh", ...words])).trim();

  /** A daemon of its own with a script of its own; `stop` and `start` are lines of shell. */
  async function daemon(script: string, lines: Lines) {
    await put(script, lines);
    await sh('cp /bin/sleep "/opt/$1"; service "$1" start >/dev/null 2>&1 </dev/null', script);
    await expect.poll(() => sh('pgrep -x "$1" | wc -l', script), patient).toBe("1");
    await replaceBuild(host, `/opt/${script}`);
  }
  async function put(script: string, { stop, start }: Lines, program = `/opt/${script}`) {
    const text = `#!/bin/sh
### BEGIN INIT INFO
# Provides: ${script}
### END INIT INFO
DAEMON=${program}
PIDFILE=/run/${script}.pid
case "$1" in
start) ${start} ;;
stop) ${stop} ;;
restart) "$0" stop; "$0" start ;;
status) kill -0 "$(cat $PIDFILE)" || exit 3 ;;
*) echo "Usage: $0 {start|stop|restart|status}"; exit 1 ;;
esac
`;
    await execOk(host, ["sh", "-c", 'cat >"$1"; chmod 755 "$1"', "sh", `/etc/init.d/${script}`], { input: text });
  }
  const usual = {
    stop: 'kill "$(cat $PIDFILE)"; rm -f $PIDFILE',
    start: "start-stop-daemon --start --background --make-pidfile --pidfile $PIDFILE --exec $DAEMON -- 4242",
  };
  async function applied(target: string) {
    const { code, stdout } = await agent.run("apply", "--unit", target, "--settle", "1s", "--yes", "-o", "json");
    const { steps } = JSON.parse(stdout) as ApplyDocument; // what its schema says; other tests check it
    return { code, steps: steps.map(({ outcome, evidence }) => ({ outcome, evidence })) };
  }
  /** A daemon that is a script of Perl, `/opt/NAME/run`; Perl is its own, so that it alone becomes old. */
  async function perlDaemon(script: string) {
    await sh('mkdir -p "/opt/$1"; cp /usr/bin/perl "/opt/$1/perl"; echo "sleep 1 while 1" >"/opt/$1/run"', script);
    await sh('echo "sleep 1 while 1" >"/opt/$1/other"', script);
    await put(script, { ...usual, start: usual.start.replace("4242", `/opt/${script}/run`) }, `/opt/${script}/perl`);
    await sh('service "$1" start >/dev/null 2>&1 </dev/null', script);
    await expect.poll(() => sh('pgrep -fc "^/opt/$1/perl /opt/$1/run" || true', script), patient).toBe("1");
    await replaceBuild(host, `/opt/${script}/perl`);
  }
  const oldOf = async (target: string) =>
    (await agent.json<Scan>("scan")).findings.filter(({ owner }) => owner.name === target).length;

  test("a script that does its work", async () => {
    await daemon("gooddaemon", usual);
    const before = await sh("pgrep -x gooddaemon");
    expect(await applied("gooddaemon")).toMatchObject({ code: 0, steps: [{ outcome: "done" }] });
    expect(await sh("pgrep -x gooddaemon")).not.toBe(before);
    expect(await oldOf("gooddaemon")).toBe(0);
  });

  test("a script that stops nobody leaves the old daemon, and says so with exit code 0", async () => {
    await daemon("stubborn", { ...usual, stop: "true", start: `${usual.start} || true` });
    const { code, steps } = await applied("stubborn");
    expect(code).toBe(2);
    expect(steps).toMatchObject([{ outcome: "failed", evidence: expect.stringContaining("outlived the restart") }]);
    expect(await oldOf("stubborn")).toBe(1);
  });

  test("a script whose daemon does not come up again", async () => {
    await daemon("faller", usual);
    await sh("sed -i 's/^start) .*/start) echo no config >\\&2; exit 1 ;;/' /etc/init.d/faller");
    const { code, steps } = await applied("faller");
    expect(code).toBe(2);
    expect(steps).toMatchObject([{ outcome: "failed", evidence: expect.stringContaining("did not start again") }]);
    expect(steps[0]?.evidence).toContain("no config");
  });

  test("a script whose stop does not wait, so that its start finds the old daemon and starts none", async () => {
    // As xinetd's of Debian on a busy host: here the old daemon takes two seconds to end.
    const stop = '(sleep 2; kill "$(cat $PIDFILE)") >/dev/null 2>&1 </dev/null &';
    await daemon("slowend", { ...usual, stop });
    const before = await sh("pgrep -x slowend");
    const { code, steps } = await applied("slowend");
    expect([code, steps]).toEqual([0, [{ outcome: "done", evidence: expect.stringContaining("when told again") }]]);
    expect(await sh("pgrep -x slowend")).not.toBe(before);
  });

  test("a script of an interpreter that comes up again", async () => {
    await perlDaemon("perld");
    expect(await applied("perld")).toMatchObject({ code: 0, steps: [{ outcome: "done" }] });
    expect(await oldOf("perld")).toBe(0);
  });

  test.each([
    ["otherd", "another script of the same interpreter", "/opt/otherd/perl /opt/otherd/other"],
    ["userd", "the same script of another user", "setpriv --reuid 65534 /opt/userd/perl /opt/userd/run"],
  ])("%s: %s is not the daemon that comes up again", async (script, _what, instead) => {
    await perlDaemon(script);
    await sh(
      'sed -i "s,^start) .*,start) setsid $2 >/dev/null 2>\\&1 \\& ;;,; s,^status) .*,status) ;;," "/etc/init.d/$1"',
      script,
      instead,
    );
    const { code, steps } = await applied(script);
    expect(code).toBe(2);
    const why = `no new process runs /opt/${script}/perl with the same script as uid 0`;
    expect(steps).toMatchObject([{ outcome: "failed", evidence: expect.stringContaining(why) }]);
    expect(await sh('pgrep -fc "^/opt/$1/perl "', script)).toBe("1");
  });

  test("a daemon that a wrapper keeps alive, as mysqld_safe does", async () => {
    await daemon("kept", {
      ...usual,
      start: "setsid sh -c '/opt/kept 4242; exit' & sleep 0.2; pgrep -f ^/opt/kept >$PIDFILE",
    });
    expect(await applied("kept")).toMatchObject({ code: 0, steps: [{ outcome: "done" }] });
  });

  test("a daemon that comes up and dies a second later fails the proof", async () => {
    await daemon("shortlived", usual);
    await sh("sed -i 's/-- 4242/-- 0.5/' /etc/init.d/shortlived");
    const { code, steps } = await applied("shortlived");
    expect([code, steps]).toMatchObject([2, [{ outcome: "failed" }]]);
  });

  test("a daemon that holds the script's output open does not hold the agent", async () => {
    await daemon("talker", { ...usual, start: "setsid $DAEMON 4242 & echo $! >$PIDFILE" });
    expect(await applied("talker")).toMatchObject({ code: 0, steps: [{ outcome: "done" }] });
  });

  test("a daemon gets nothing of the agent's: no variables, no umask, no directory, no terminal", async () => {
    await daemon("heir", { ...usual, start: "setsid $DAEMON 4242 & echo $! >$PIDFILE" });
    await sh(
      `cd /tmp; umask 077; SECRET=1 PATH=/opt/evil:$PATH /opt/afterpatch/bin/afterpatch-agent apply --unit heir --settle 1s --yes`,
    );
    const state = await sh(
      `pid=$(pgrep -x heir); tr '\\0' '\\n' </proc/$pid/environ; readlink /proc/$pid/cwd; grep ^Umask /proc/$pid/status; ps -o tty= -p $pid`,
    );
    expect(state).not.toMatch(/SECRET|evil/);
    expect(state).toMatch(/^\/\nUmask:\s*0022\n\?/m);
  });

  test("an agent that is killed leaves its script to end, the next one waits for it, and the daemon holds no lock", async () => {
    const slow = { ...usual, start: `echo start >>/opt/slowd.log; ${usual.start}`, stop: `${usual.stop}; sleep 4` };
    await daemon("slowd", slow);
    const command = "/opt/afterpatch/bin/afterpatch-agent apply --unit slowd --settle 1s --yes >/dev/null 2>&1 &";
    const midway = "timeout 30 sh -c 'until pgrep -f \"^/bin/sh /etc/init.d/slowd stop\"; do sleep 0.05; done'";
    await sh(`${command} ${midway}; read -r pid ticks </run/afterpatch/act.lock; kill -9 "$pid"`);
    const { stdout, stderr } = await agent.run("apply", "--unit", "slowd", "--settle", "1s", "--yes", "-o", "json");
    expect(stderr).toContain("waiting for what an apply before this one has begun\n");
    const { resumed } = JSON.parse(stdout) as ApplyDocument; // what its schema says; other tests check it
    const evidence = "found done when the agent came back";
    expect(resumed).toMatchObject([{ ending: { result: "verified" }, steps: [{ outcome: "done", evidence }] }]);
    expect(await sh("cat /opt/slowd.log; ls -l /proc/[0-9]*/fd 2>/dev/null | grep act.lock || true")).toBe(
      "start\nstart",
    );
    expect(await sh("pgrep -fc ^/opt/slowd")).toBe("1");
  });

  test("a program that is gone is not stopped", async () => {
    await daemon("gone", usual);
    await sh("rm /opt/gone");
    expect(await applied("gone")).toMatchObject({ code: 3, steps: [] });
    expect(await sh("pgrep -x gone | wc -l")).toBe("1");
  });
});
