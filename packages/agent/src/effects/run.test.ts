import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run } from "./run.ts";

const LEFT = "sleep 60 & echo $! >&2; echo said";

function ended(complaint: string): void {
  process.kill(Number(complaint), "SIGKILL"); // whom the program left behind
}

test("a program has ended when it has ended, whoever holds its output open", async () => {
  const { status, stdout, complaint } = await run("sh", ["-c", `${LEFT}; exit 3`], 20_000);
  ended(complaint);
  expect({ status, stdout }).toEqual({ status: 3, stdout: "said\n" });
});

test("so has one whose time is up", async () => {
  const { status, complaint } = await run("sh", ["-c", "sleep 8 & wait"], 100);
  expect({ status, complaint }).toEqual({ status: null, complaint: "no answer within 100 ms" });
}, 4000);

test("a script whose time is up is ended, and neither what it started nor who holds the lock for it stays in the way", async () => {
  const lock = openSync("/dev/null", "r");
  const script = "sleep 60 & echo $!; wait";
  const { status, stdout, complaint } = await run("sh", ["-c", script], 1000, { lock, leavesDaemons: true });
  closeSync(lock);
  expect({ status, complaint }).toEqual({ status: null, complaint: "no answer within 1000 ms" });
  expect(existsSync(`/proc/${stdout.trim()}/fd/0`)).toBe(true);
  expect(existsSync(`/proc/${stdout.trim()}/fd/3`)).toBe(false);
  ended(stdout);
});

test.each([0, 3])("a script's exit code is %i whoever waits for it", async (code) => {
  const lock = openSync("/dev/null", "r");
  const ran = await run("sh", ["-c", `exit ${code}`], 20_000, { lock, leavesDaemons: true });
  closeSync(lock);
  expect(ran.status).toBe(code);
});

test("a program that is not there", async () => {
  expect(await run("no-such-program", [], 1000)).toMatchObject({ status: null, stdout: "" });
});

test("a program that ends us does not keep us, and goes on without us", async () => {
  const folder = mkdtempSync(join(tmpdir(), "afterpatch-unheard-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const done = join(folder, "done");
  const module = join(import.meta.dirname, "run.ts");
  // As an init script does: it tells, ends the one who ordered it, waits for that, tells again and starts the next.
  const script = `kill -TERM $PPID; while kill -0 $PPID 2>/dev/null; do sleep 0.05; done; echo said; touch ${done}`;
  const code = `
    import { run } from ${JSON.stringify(module)};
    const atWork = setInterval(() => {}, 1000);
    const asked = new Promise((settle) => process.once("SIGTERM", settle));
    void run("sh", ["-c", ${JSON.stringify(script)}], 60_000, { leavesDaemons: true, isUnheard: true });
    await asked;
    clearInterval(atWork);
  `;
  const node = ["--input-type=module", "-e", code];
  expect(spawnSync(process.execPath, node, { timeout: 20_000, stdio: "ignore" }).status).toBe(0);
  await expect.poll(() => existsSync(done), { timeout: 10_000 }).toBe(true);
});
