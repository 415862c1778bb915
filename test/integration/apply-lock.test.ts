import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeLock } from "@afterpatch/agent/lock";
import { afterAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "afterpatch-lock-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("one holds the lock at a time, and a released one can be taken", () => {
  const first = takeLock(directory, "x.lock");
  expect(first).not.toBeNull();
  expect(takeLock(directory, "x.lock")).toBeNull();
  first?.release();
  const second = takeLock(directory, "x.lock");
  expect(second).not.toBeNull();
  second?.release();
});

test("the lock of a process that was killed is free", async () => {
  const lock = JSON.stringify(join(import.meta.dirname, "../../packages/agent/src/lock.ts"));
  const script = `import { takeLock } from ${lock};
    globalThis.held = takeLock(${JSON.stringify(directory)}, "x.lock"); console.log(held !== null); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = await once(holder.stdout, "data");
  expect(String(said).trim()).toBe("true");
  expect(takeLock(directory, "x.lock")).toBeNull();
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const lockAgain = takeLock(directory, "x.lock");
  expect(lockAgain).not.toBeNull();
  lockAgain?.release();
});
