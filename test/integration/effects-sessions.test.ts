import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { machineOn } from "@afterpatch/agent/effects/effects";
import { isRunning, type ProcessRef, processTable } from "@afterpatch/agent/effects/processes";
import { waitUntil } from "@afterpatch/agent/effects/wait";
import { SCAN_SCHEMA, type Scan } from "@afterpatch/core/scan";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { findingOf } from "../fakes/finding.ts";

const STEP = { kind: "end-session", target: "imap" };
const GRACE_MS = 400;
const directory = mkdtempSync(join(tmpdir(), "afterpatch-sessions-"));
const xinetd = join(directory, "xinetd");
beforeAll(() => copyFileSync(process.execPath, xinetd));
afterAll(() => rmSync(directory, { recursive: true }));

let listener: ChildProcess;
let lines: AsyncIterator<string>;
let begun: number[] = [];

beforeEach(() => {
  const script = join(import.meta.dirname, "session-listener.ts");
  const child = spawn(xinetd, [script], { stdio: ["pipe", "pipe", "inherit"] });
  lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  listener = child;
});
afterEach(async () => {
  if (listener.exitCode === null && listener.signalCode === null) {
    listener.kill("SIGKILL");
    await once(listener, "exit");
  }
  for (const sid of begun) for (const { pid } of processesOf(sid)) process.kill(pid, "SIGKILL");
  begun = [];
});

test("an old session ends with all its processes; a fresh one and the super-server stay", async () => {
  const old = await session("sleep 1000 & sh -c 'sleep 1000' & wait", 4);
  const fresh = await session("sleep 1000 & wait", 2);
  const { machine, before } = await evidenceFor([old.root]);
  expect(await machine.happened(STEP, before)).toBe("no");
  expect(await machine.perform(STEP, before, options())).toEqual({
    outcome: "done",
    detail: "ended 1 old session of imap",
  });
  expect(await machine.happened(STEP, before)).toBe("yes");
  expect(old.all().filter(isRunning)).toEqual([]);
  expect(fresh.all()).toHaveLength(2);
  expect(listener.exitCode).toBeNull();
});

test("a session that ignores TERM is killed after the grace time, with the children that ignore it too", async () => {
  const stubborn = await session("trap '' TERM; while :; do sleep 1000; done", 2);
  const { machine, before } = await evidenceFor([stubborn.root]);
  const start = performance.now();
  const performed = await machine.perform(STEP, before, options());
  expect(performance.now() - start).toBeGreaterThanOrEqual(GRACE_MS);
  expect(performed).toEqual({
    outcome: "done",
    detail: "ended 1 old session of imap, 2 processes by KILL after 400 ms",
  });
  expect(stubborn.all()).toEqual([]);
});

test("a child that was put into a session of its own ends as well", async () => {
  const old = await session("setsid sleep 1000 & wait", 1);
  const apart = await descendant(old.root.pid, (sid) => sid !== old.root.pid);
  begun.push(apart.pid);
  const { machine, before } = await evidenceFor([old.root]);
  expect((await machine.perform(STEP, before, options())).outcome).toBe("done");
  expect(isRunning(apart)).toBe(false);
});

test("what a dying session still forks is found and ended", async () => {
  const old = await session("trap 'sleep 1000 & exit' TERM; sleep 1000 & wait", 2);
  const { machine, before } = await evidenceFor([old.root]);
  expect((await machine.perform(STEP, before, options())).outcome).toBe("done");
  expect(old.all()).toEqual([]);
});

test("a finding on a child ends the session that the super-server started", async () => {
  const old = await session("sh -c 'sleep 1000; :' ; :", 3);
  const child = old.all().find(({ pid }) => pid !== old.root.pid);
  if (!child) throw new Error("no child");
  const { machine, before } = await evidenceFor([child]);
  const members = old.all().filter(({ pid }) => pid !== old.root.pid);
  const asNoted = members.map((member) => expect.objectContaining({ ...member, sid: old.root.pid }));
  expect(before).toEqual({ sessions: [old.root], members: asNoted, old: [child], instances: [] });
  expect((await machine.perform(STEP, before, options())).outcome).toBe("done");
  expect(old.all()).toEqual([]);
});

test("who outlives a session that a crash left half ended is ended, though it runs no old code", async () => {
  const old = await session("setsid sleep 1000 & sleep 1000 & wait", 2);
  const apart = await descendant(old.root.pid, (sid) => sid !== old.root.pid);
  begun.push(apart.pid);
  const fresh = await session("setsid sleep 1000 & wait", 1);
  const { machine, before } = await evidenceFor([old.root]);
  await killed(old.root); // and the agent with it, before it got to the others
  const again = machineOn(async () => scanOf([]));
  const noted = JSON.parse(JSON.stringify(before));
  expect(await again.happened(STEP, noted)).toBe("no");
  expect(await again.settled(STEP, noted)).not.toBeNull();
  expect((await again.perform(STEP, noted, options())).outcome).toBe("done");
  expect([...old.all(), apart].filter(isRunning)).toEqual([]);
  expect(await again.happened(STEP, noted)).toBe("yes");
  expect(await machine.settled(STEP, noted)).toBeNull();
  expect(fresh.all()).toHaveLength(1);
});

test("what such an orphan forks is ended with it", async () => {
  const old = await session(`sh -c 'while kill -0 '$$' 2>/dev/null; do :; done; sleep 1000' & wait`, 2);
  const { machine, before } = await evidenceFor([old.root]);
  await killed(old.root);
  const isForked = () => [...processTable()].some(([, { sid, comm }]) => sid === old.root.pid && comm === "sleep");
  expect(await waitUntil(isForked, 5000, 10)).toBe(true);
  expect((await machine.perform(STEP, before, options())).outcome).toBe("done");
  expect(old.all()).toEqual([]);
});

test("what has made itself independent since is no part of its session any more", async () => {
  const leaves = `perl -MPOSIX -e '$SIG{USR1} = sub { POSIX::setsid() }; $0 = "ready"; sleep 1 while 1'`;
  const old = await session(`${leaves} & wait`, 2);
  const isReady = () => old.all().some(({ pid }) => processTable().get(pid)?.comm === "ready");
  expect(await waitUntil(isReady, 5000, 10)).toBe(true);
  const left = await descendant(old.root.pid, () => true, "ready");
  const { machine, before } = await evidenceFor([old.root]);
  await killed(old.root);
  process.kill(left.pid, "SIGUSR1");
  begun.push(left.pid);
  expect(await waitUntil(() => processTable().get(left.pid)?.sid === left.pid, 5000, 10)).toBe(true);
  expect(await machine.happened(STEP, before)).toBe("yes");
  expect((await machine.perform(STEP, before, options())).outcome).toBe("done");
  expect(isRunning(left)).toBe(true);
});

test("a process that has the pid of an old one, but is another, is left alone", async () => {
  const other = await session("sleep 1000 & wait", 2);
  const { pid, startTicks } = other.root;
  const machine = machineOn(async () => scanOf([]));
  const before = { sessions: [{ pid, startTicks: startTicks - 1 }], old: [{ pid, startTicks: startTicks - 1 }] };
  expect(await machine.happened(STEP, before)).toBe("yes");
  expect((await machine.perform(STEP, before, options())).outcome).toBe("done");
  expect(other.all()).toHaveLength(2);
});

test("a process that ended since the scan is no longer part of the evidence", async () => {
  const other = await session("exec sleep 1000", 1);
  const { before } = await evidenceFor([{ ...other.root, startTicks: other.root.startTicks - 1 }]);
  expect(before).toEqual({ sessions: [], members: [], old: [], instances: [] });
});

test("the super-server itself is never ended, whatever a finding says", async () => {
  const fresh = await session("exec sleep 1000", 1);
  const { machine, before } = await evidenceFor([refOf(listener.pid ?? 0)]);
  expect((await machine.perform(STEP, before, options())).outcome).toBe("failed");
  expect(listener.exitCode).toBeNull();
  expect(fresh.all()).toHaveLength(1);
});

test("this program and its parents are never ended", async () => {
  const { machine, before } = await evidenceFor([refOf(process.pid), refOf(process.ppid)]);
  expect((await machine.perform(STEP, before, options())).outcome).toBe("failed");
});

test("orphans of a super-server that has ended are ended with their children", async () => {
  const old = await session("sleep 1000 & wait", 2);
  listener.kill("SIGKILL");
  await once(listener, "exit");
  const { machine, before } = await evidenceFor([old.root]);
  expect((await machine.perform(STEP, before, options())).outcome).toBe("done");
  expect(old.all()).toEqual([]);
});

function options() {
  return { graceMs: GRACE_MS, signal: new AbortController().signal };
}

/** Starts a session and waits until it has so many processes. */
async function session(script: string, size: number) {
  listener.stdin?.write(`${script}\n`);
  const pid = Number((await lines.next()).value);
  begun.push(pid);
  const all = () => processesOf(pid);
  expect(await waitUntil(() => all().length >= size, 5000, 10)).toBe(true);
  return { root: refOf(pid), all };
}

function processesOf(sid: number): readonly ProcessRef[] {
  return [...processTable()].flatMap(([pid, stat]) =>
    stat.sid === sid && stat.state !== "Z" ? [{ pid, startTicks: stat.startTicks }] : [],
  );
}

async function killed(root: ProcessRef): Promise<void> {
  process.kill(root.pid, "SIGKILL");
  expect(await waitUntil(() => !isRunning(root), 5000, 10)).toBe(true);
}

async function descendant(parent: number, isWanted: (sid: number) => boolean, called = "sleep"): Promise<ProcessRef> {
  const find = () =>
    [...processTable()].find(([, { ppid, sid, comm }]) => ppid === parent && isWanted(sid) && comm === called);
  expect(await waitUntil(() => find() !== undefined, 5000, 10)).toBe(true);
  return refOf(find()?.[0] ?? 0);
}

function refOf(pid: number): ProcessRef {
  return { pid, startTicks: processTable().get(pid)?.startTicks ?? 0 };
}

async function evidenceFor(old: readonly ProcessRef[]) {
  const machine = machineOn(async () => scanOf(old));
  return { machine, before: await machine.evidence(STEP) };
}

function scanOf(old: readonly ProcessRef[]): Scan {
  const kernel = { running: "6.1.0", expected: "6.1.0", verdict: "current" } as const;
  return {
    schema: SCAN_SCHEMA,
    host: { id: null, name: "web01", bootId: "b", os: "debian 12", kernel },
    startedAt: 0,
    elapsedMs: 1,
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    findings: old.map((process) => findingOf("xinetd-session", "imap", { ...process, isOld: true }, STEP_REMEDY)),
    unreadable: [],
    notes: [],
    reboot: { required: false, reasons: [] },
  };
}

const STEP_REMEDY = { kind: "end-session", target: "imap" } as const;
