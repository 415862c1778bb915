import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeActLock, takeActLockOfTheDead, takeLock } from "@afterpatch/agent/lock";
import { afterAll, expect, onTestFinished, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "afterpatch-lock-"));
const holders: ChildProcess[] = [];
afterAll(() => {
  for (const holder of holders) holder.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});
let files = 0;
const newFile = () => join(directory, "run", `${++files}.lock`);

test("one holds a lock at a time, and a released one can be taken", () => {
  const first = takeLock(directory, "x.lock");
  expect(first).not.toBeNull();
  expect(takeLock(directory, "x.lock")).toBeNull();
  first?.release();
  const second = takeLock(directory, "x.lock");
  expect(second).not.toBeNull();
  second?.release();
});

test("the lock of a process that was killed is free, and nobody waits for one that lives", async () => {
  const file = newFile();
  const holder = await holderOf(file, "");
  expect(takeActLock(file)).toBeNull();
  const waits = () => expect.unreachable();
  expect(await takeActLockOfTheDead(waits, 60_000, file)).toBeNull();
  await killed(holder);
  const lock = await takeActLockOfTheDead(waits, 60_000, file);
  expect(lock).not.toBeNull();
  lock?.release();
});

test("what a killed process has begun holds the lock until it has ended", async () => {
  const file = newFile();
  const marker = join(directory, "ended");
  // As systemctl is run: it outlives the agent. It ends when it is told to, not at some time.
  const script = `until [ -e ${marker} ]; do sleep 0.05; done`;
  const holder = await holderOf(
    file,
    `void run("sh", ["-c", ${JSON.stringify(script)}], 60000, { lock: actingLock() });`,
  );
  await killed(holder);
  expect(takeActLock(file)).toBeNull();
  let waited = 0;
  const waits = () => {
    waited += 1;
    writeFileSync(marker, "");
  };
  const lock = await takeActLockOfTheDead(waits, 60_000, file);
  expect(lock).not.toBeNull();
  expect(waited).toBe(1);
  lock?.release();
});

test("an init script holds it until it has ended, and the daemon that it leaves behind does not", async () => {
  const file = newFile();
  const [marker, pidFile] = [join(directory, "script-ended"), join(directory, "daemon.pid")];
  const script = `sleep 1000 & echo $! >${pidFile}; until [ -e ${marker} ]; do sleep 0.05; done`;
  const options = "{ lock: actingLock(), leavesDaemons: true }";
  const holder = await holderOf(file, `void run("sh", ["-c", ${JSON.stringify(script)}], 60000, ${options});`);
  await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, "utf8")).toMatch(/\n/);
  const daemon = Number(readFileSync(pidFile, "utf8"));
  onTestFinished(() => void process.kill(daemon, "SIGKILL"));
  await killed(holder);
  expect(takeActLock(file)).toBeNull();
  const lock = await takeActLockOfTheDead(() => writeFileSync(marker, ""), 10_000, file);
  expect(lock).not.toBeNull();
  expect(process.kill(daemon, 0)).toBe(true);
  lock?.release();
});

test("a lock whose file was removed is none", async () => {
  const file = newFile();
  const lock = takeActLock(file);
  rmSync(file);
  const next = takeActLock(file);
  expect(next).not.toBeNull(); // whoever removes it has let two act; the two after that exclude each other again
  expect(takeActLock(file)).toBeNull();
  next?.release();
  lock?.release();
});

/** A process of its own that takes the lock of acting, then does more. */
async function holderOf(file: string, more: string): Promise<ChildProcess> {
  const of = (name: string) => JSON.stringify(join(import.meta.dirname, "../../packages/agent/src", name));
  const script = `import { actingLock, takeActLock } from ${of("lock.ts")};
    import { run } from ${of("effects/run.ts")};
    const lock = takeActLock(${JSON.stringify(file)});
    ${more}
    console.log(lock !== null && actingLock() !== null && run.length > 0);
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  holders.push(holder);
  const [said] = await once(holder.stdout, "data");
  expect(String(said).trim()).toBe("true");
  return holder;
}

async function killed(holder: ChildProcess): Promise<void> {
  const gone = once(holder, "exit");
  holder.kill("SIGKILL");
  await gone;
}
