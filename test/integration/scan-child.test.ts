import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Scanner } from "@afterpatch/agent/scan-child/scanner";
import { expect, onTestFinished, test } from "vitest";
import { canMount, frozenMount, mountThatNeverAnswers } from "./hanging-mounts.ts";
import { initialised, newToken, run, serve, start, temporaryDirectory } from "./programs.ts";

const main = resolve(import.meta.dirname, "../../packages/agent/src/main.ts");
const program = [process.execPath, main] as const;
const patient = { timeout: 20_000, interval: 20 };
const UNHURRIED = { deadlineMs: 50_000, idleMs: 50_000 };
const NEVER = new AbortController().signal;

/** A daemon's scanner, in a state directory that may lie on a file system that hangs. */
function scannerIn(stateDir: string, timing = UNHURRIED) {
  const alarms: string[] = [];
  const log = { info() {}, warn() {}, error: (_fields: object, message: string) => void alarms.push(message) };
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const order = { hostId: "h1", name: "web01", stateDir };
  return { scanner: new Scanner({ order, program, log, signal: stop.signal, timing }), alarms, stop };
}

/** `R`, `S`, `D`, ...; null: no such process. */
async function stateOf(pid: number | null): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => null);
  return stat === null ? null : (stat.slice(stat.lastIndexOf(")") + 2)[0] ?? null);
}

test("scans are made by one process after the other, and in it the state directory's inventory is kept", async () => {
  const stateDir = await temporaryDirectory();
  const { scanner } = scannerIn(stateDir);
  const [first, second] = await Promise.all([scanner.scan(NEVER), scanner.scan(NEVER)]);
  expect(first).toMatchObject({ schema: "afterpatch.scan/v1", host: { id: "h1", name: "web01" } });
  expect(second.startedAt).toBeGreaterThanOrEqual(first.startedAt + first.elapsedMs);
  expect(second.processes.seen).toBeGreaterThan(2);
  if (process.geteuid?.() === 0) expect(await readdir(stateDir)).toContain("inventory");
  const { pid } = scanner;
  expect(pid).not.toBeNull();
  await scanner.scan(NEVER);
  expect(scanner.pid).toBe(pid);
});

test("what was scanned is forgotten, though the daemon's signals live on", async () => {
  const { scanner } = scannerIn(await temporaryDirectory());
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const daemon = new AbortController();
  const scans: WeakRef<object>[] = [];
  for (let turn = 0; turn < 3; turn++) scans.push(new WeakRef(await scanner.scan(daemon.signal)));
  const left = () => {
    collect();
    return scans.filter((scan) => scan.deref() !== undefined).length;
  };
  await expect.poll(left, patient).toBe(0);
});

test("without work the process ends, and the next scan has another", async () => {
  const { scanner } = scannerIn(await temporaryDirectory(), { ...UNHURRIED, idleMs: 100 });
  await scanner.scan(NEVER);
  const { pid } = scanner;
  await expect.poll(() => stateOf(pid), patient).toBeNull();
  await scanner.scan(NEVER);
  expect(scanner.pid).not.toBe(pid);
});

test("one that does not answer is killed at the deadline: that scan has failed, the next one is made by another", async () => {
  const { scanner, alarms } = scannerIn(await temporaryDirectory(), { ...UNHURRIED, deadlineMs: 8_000 });
  await scanner.scan(NEVER);
  const { pid } = scanner;
  process.kill(pid ?? 0, "SIGSTOP");
  await expect(scanner.scan(NEVER)).rejects.toMatchObject({
    name: "StepError",
    code: "scan-failed",
    message: expect.stringMatching(`^no end within 8000 ms \\(pid ${pid}`),
  });
  expect(alarms).toEqual(["scan hangs, it was given up"]);
  await expect.poll(() => stateOf(pid), patient).toBeNull();
  expect((await scanner.scan(NEVER)).host.name).toBe("web01");
});

test("one that was killed is a failed scan while it scans, and no loss while it waits", async () => {
  const { scanner } = scannerIn(await temporaryDirectory());
  await scanner.scan(NEVER);
  const { pid } = scanner;
  process.kill(pid ?? 0, "SIGSTOP");
  const asked = scanner.scan(NEVER);
  const heard = expect(asked).rejects.toMatchObject({ message: "the process that scans ended with SIGKILL" });
  await new Promise((settle) => setImmediate(settle));
  process.kill(pid ?? 0, "SIGKILL");
  await heard;
  await scanner.scan(NEVER);
  process.kill(scanner.pid ?? 0, "SIGKILL");
  await expect.poll(() => stateOf(scanner.pid), patient).toBeNull();
  expect((await scanner.scan(NEVER)).host.name).toBe("web01");
});

test.each([
  [[process.execPath, "/nowhere/agent.mjs"], /ended with code 1/],
  [["/nowhere/afterpatch-agent"], /ENOENT/],
] as const)("a program that cannot be started is a failed scan: %j", async (program, message) => {
  const log = { info() {}, warn() {}, error() {} };
  const order = { hostId: "h1", name: "web01", stateDir: "/nowhere" };
  const scanner = new Scanner({ order, program, log, signal: NEVER, timing: UNHURRIED });
  await expect(scanner.scan(NEVER)).rejects.toMatchObject({ code: "scan-failed", message });
});

test("whoever gives up is not kept, not even behind a scan that hangs; and with the daemon all ends", async () => {
  const { scanner, stop } = scannerIn(await temporaryDirectory());
  await scanner.scan(NEVER);
  const { pid } = scanner;
  process.kill(pid ?? 0, "SIGSTOP");
  const hanging = scanner.scan(NEVER);
  const heard = expect(hanging).rejects.toThrow("the daemon stops");
  const impatient = new AbortController();
  const behind = scanner.scan(impatient.signal);
  impatient.abort(new Error("no time"));
  await expect(behind).rejects.toThrow("no time");
  stop.abort(new Error("the daemon stops"));
  await heard;
  await expect.poll(() => stateOf(pid), patient).toBeNull();
  await expect(scanner.scan(NEVER)).rejects.toThrow("the daemon stops");
});

test.each(["SIGTERM", "SIGKILL"] as const)(
  "%s to the daemon ends its process that scans too",
  async (signal) => {
    const controller = await serve(await initialised());
    const stateDir = join(await temporaryDirectory(), "S");
    const where = ["--controller", `127.0.0.1:${controller.ports.enrol}`, "--token-file", "-", "--state-dir", stateDir];
    expect((await run("agent", ["enroll", ...where, "--name", "web01"], await newToken(controller))).stderr).toBe("");
    const agent = start("agent", ["run", "--state-dir", stateDir]);
    onTestFinished(() => void agent.kill("SIGKILL"));
    const ended = once(agent, "exit");
    let log = "";
    agent.stdout?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    await expect.poll(() => log, patient).toContain('"host scanned"');
    const child = Number(await readFile(`/proc/${agent.pid}/task/${agent.pid}/children`, "latin1"));
    expect(await stateOf(child)).not.toBeNull();
    agent.kill(signal);
    expect(await ended).toEqual(signal === "SIGTERM" ? [0, null] : [null, "SIGKILL"]);
    await expect.poll(() => stateOf(child), patient).toBeNull();
  },
  120_000,
);

test.runIf(canMount)("a mount that never answers does not hold the daemon: its scan has failed", async () => {
  const never = await mountThatNeverAnswers();
  const { scanner } = scannerIn(join(never, "state"), { ...UNHURRIED, deadlineMs: 5_000 });
  await expect(scanner.scan(NEVER)).rejects.toMatchObject({ code: "scan-failed", message: /^no end within 5000 ms/ });
  expect(scanner.pid).toBeNull();
});

test.runIf(canMount)(
  "three that hang in the kernel are the limit; when the disk answers again, so does the scan",
  async () => {
    const { folder, thaw } = await frozenMount();
    const { scanner, alarms } = scannerIn(folder, { ...UNHURRIED, deadlineMs: 15_000 });
    const pids: (number | null)[] = [];
    for (let scan = 0; scan < 3; scan += 1) {
      const asked = scanner.scan(NEVER);
      const heard = expect(asked).rejects.toMatchObject({
        message: /^no end within 15000 ms \(pid [0-9]+, in the kernel's /,
      });
      await expect.poll(() => scanner.pid, patient).not.toBeNull();
      pids.push(scanner.pid);
      await heard;
    }
    expect(await Promise.all(pids.map(stateOf))).toEqual(["D", "D", "D"]);
    await expect(scanner.scan(NEVER)).rejects.toMatchObject({
      code: "scan-failed",
      message: `3 scans hang in the kernel (pids ${pids.join(", ")}): a disk or a file server does not answer`,
    });
    expect(scanner.pid).toBeNull();
    expect(alarms.at(-1)).toBe("scans hang in the kernel, none is begun until one of them has ended");
    thaw();
    await expect.poll(async () => (await Promise.all(pids.map(stateOf))).join(""), patient).toBe("");
    expect((await scanner.scan(NEVER)).host.name).toBe("web01");
  },
  120_000,
);
