import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { exitCode } from "./commands.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host, spawnInside } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";
import { openTerminal } from "./terminal.ts";

const name = `cut-${process.pid % 1000}`;
const AGENT = "/opt/afterpatch/bin/afterpatch-agent";
const UNITS = ["held.service", "next.service"] as const;
/** The unit that is restarted first stops when this file is there. */
const GO = "/run/go";
const UNIT = `[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/opt/server 100000
ExecStop=/bin/sh -c 'until [ -e ${GO} ]; do sleep 0.1; done'
`;
const QUESTION = "Carry out these 2 steps? [y/N]";
const patient = { timeout: 30_000, interval: 100 };
const DONE = ["begun", "intent", "outcome", "intent", "outcome", "ended"];

await describeLab("an apply whose terminal or reader goes away", () => {
  let payload: Payload;
  let host: Host;
  let tests = 0;
  /** Of each test's own, so that its journal is what that test did. */
  let args: readonly string[];
  let before: readonly string[];

  beforeAll(async () => {
    payload = await stagePayload();
    host = hostOf(await up({ name, hosts: 1, payload: payload.directory }), 1);
    const bring =
      'cp /bin/sleep /opt/server; cd /etc/systemd/system; unit=$1; shift; for one; do echo "$unit" >$one; done';
    await execOk(host, ["sh", "-c", bring, "sh", UNIT, ...UNITS]);
    await execOk(host, ["systemctl", "daemon-reload"]);
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });
  beforeEach(async () => {
    args = ["--state-dir", `/var/lib/cut/${++tests}`, "--settle", "0s", ...UNITS.flatMap((unit) => ["--unit", unit])];
    // Whatever the test before left old is current first: replaced twice, a program is what it was.
    await execOk(host, ["sh", "-euc", 'touch "$0"; systemctl restart "$@"; rm "$0"', GO, ...UNITS]);
    await replaceBuild(host, "/opt/server");
    before = await invocations();
  });

  const go = () => execOk(host, ["touch", GO]);
  const invocations = async () => (await shown("InvocationID")).filter((id) => id !== "");
  const shown = async (property: string) =>
    (await execOk(host, ["systemctl", "show", "--value", `--property=${property}`, ...UNITS])).trim().split(/\n+/);
  const underWay = () => expect.poll(async () => (await shown("ActiveState"))[0], patient).toBe("deactivating");
  const records = async () => {
    const { stdout } = await exec(host, ["cat", `/var/lib/cut/${tests}/apply.jsonl`]);
    const types = [...stdout.matchAll(/^[0-9a-f]{8} \{"type":"([a-z]+)"/gm)].map(([, type]) => type);
    return types.filter((type) => type !== "epoch");
  };
  const ended = () => expect.poll(async () => (await exec(host, ["pgrep", "-f", "agent.mjs apply"])).code, patient);
  const resumed = async () => {
    const { stdout } = await exec(host, [AGENT, "apply", ...args, "--yes", "-o", "json"]);
    return (JSON.parse(stdout) as ApplyDocument).resumed; // checked against its schema elsewhere
  };
  const onTerminal = (typed: readonly string[]) => openTerminal(host, typed.join(" "));

  test("who reads it ends: it goes on, and the next apply tells", async () => {
    const apply = await spawnInside(host, [AGENT, "apply", ...args, "--yes"]);
    const code = exitCode(apply);
    await underWay();
    for (const stream of [apply.stdout, apply.stderr]) stream?.destroy();
    await go();
    expect([await code, await records()]).toEqual([0, DONE]);
    expect(await invocations()).not.toEqual(expect.arrayContaining([expect.toBeOneOf([...before])]));
    expect(await resumed()).toMatchObject([
      { ending: { result: "verified" }, steps: UNITS.map((target) => ({ target })) },
    ]);
    expect(await resumed()).toEqual([]);
  });

  test("who reads its progress ends: its result is told", async () => {
    const apply = await spawnInside(host, [AGENT, "apply", ...args, "--yes", "-o", "json"]);
    const code = exitCode(apply);
    const said = text(apply.stdout ?? Readable.from([]));
    await underWay();
    apply.stderr?.destroy();
    await go();
    expect(await code).toBe(0);
    expect(JSON.parse(await said)).toMatchObject({ proof: { findingsLeft: [] } });
    expect(await records()).toEqual([...DONE, "acknowledged"]);
  });

  test("its output cannot be written: everything is done, and the error says why nothing was told", async () => {
    const apply = await spawnInside(host, ["sh", "-c", '"$@" >/dev/full', "sh", AGENT, "apply", ...args, "--yes"]);
    const code = exitCode(apply);
    const complaint = text(apply.stderr ?? Readable.from([]));
    // By now the plan could not be told, whenever that was found out: the order goes on nevertheless.
    await underWay();
    await go();
    expect([await code, await complaint]).toEqual([
      1,
      expect.stringMatching(/^afterpatch-agent: standard output: ENOSPC[^\n]*; [^\n]*\n$/),
    ]);
    expect(await records()).toEqual(DONE);
  });

  test("its terminal goes away: it goes on, and the next apply tells", async () => {
    // The shell is the leader of the session: that it ends reaches whatever runs in the foreground.
    const terminal = await onTerminal([AGENT, "apply", ...args, "--yes;", "true"]);
    await underWay();
    await terminal.hangUp();
    await go();
    await ended().toBe(1);
    expect(await records()).toEqual(DONE);
    expect(await resumed()).toMatchObject([
      { ending: { result: "verified" }, steps: UNITS.map((target) => ({ target })) },
    ]);
  });

  test.each([
    ["no", "n\r"],
    ["nothing at all", "\r"],
    ["the end of the input", "\u0004"],
    ["Ctrl-C", "\u0003"],
  ])("the answer is %s: nothing is done", async (_name, typed) => {
    const terminal = await onTerminal([AGENT, "apply", ...args]);
    await expect.poll(terminal.shown, patient).toContain(QUESTION);
    terminal.type(typed);
    expect([await terminal.ended, terminal.shown().trimEnd().split("\n").at(-1)]).toEqual([
      130,
      "afterpatch-agent: apply: the answer was not yes; nothing was done",
    ]);
    expect([await records(), await invocations()]).toEqual([[], before]);
  });

  test("its terminal goes away before the answer: nothing is done", async () => {
    const terminal = await onTerminal([AGENT, "apply", ...args]);
    await expect.poll(terminal.shown, patient).toContain(QUESTION);
    await terminal.hangUp();
    await ended().toBe(1);
    expect([await records(), await invocations()]).toEqual([[], before]);
  });

  test("Ctrl-C: the step that was begun is ended and told as it was, and the next is not begun", async () => {
    const terminal = await onTerminal([AGENT, "apply", ...args, "--yes"]);
    await underWay();
    terminal.type("\u0003");
    await expect.poll(terminal.shown, patient).toContain("^C");
    await go();
    expect(await terminal.ended).toBe(130);
    expect(terminal.shown()).toMatch(/done +restart-service held\.service: held\.service restarted/);
    expect(await records()).toEqual(["begun", "intent", "outcome", "ended", "acknowledged"]);
    const [first, second] = await invocations();
    expect([first === before[0], second === before[1]]).toEqual([false, true]);
  });
});
