import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";

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
  async function daemon(script: string, { stop, start }: { readonly stop: string; readonly start: string }) {
    const text = `#!/bin/sh
### BEGIN INIT INFO
# Provides: ${script}
### END INIT INFO
DAEMON=/opt/${script}
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
    await sh('cp /bin/sleep "/opt/$1"; service "$1" start >/dev/null 2>&1 </dev/null', script);
    await expect.poll(() => sh('pgrep -x "$1" | wc -l', script), patient).toBe("1");
    await replaceBuild(host, `/opt/${script}`);
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

  test("a program that is gone is not stopped", async () => {
    await daemon("gone", usual);
    await sh("rm /opt/gone");
    expect(await applied("gone")).toMatchObject({ code: 0, steps: [] });
    expect(await sh("pgrep -x gone | wc -l")).toBe("1");
  });
});
