import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageManager } from "@afterpatch/agent/effects/package-lock";
import { afterAll, expect, test } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "afterpatch-package-lock-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("a lock that somebody holds names its holder, and is free when it has ended", async () => {
  const file = join(directory, "lock-frontend");
  writeFileSync(file, "");
  expect(packageManager([file, join(directory, "missing")])).toBeNull();
  const holder = spawn("flock", [file, "sh", "-c", "echo held; read line"], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  expect(packageManager([file])).toBe(`flock (pid ${holder.pid}) holds ${file}`);
  holder.stdin.end();
  await once(holder, "exit");
  expect(packageManager([file])).toBeNull();
});
