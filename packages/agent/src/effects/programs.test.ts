import { chmodSync, chownSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isExecutable, programOfRoot } from "./programs.ts";
import { sshdComplaint } from "./service/sshd.ts";

test("a program of root's is where its links lead", () => {
  expect(programOfRoot("/bin/sh")).toBe(realpathSync("/bin/sh"));
});

test.each(["/nowhere/at/all", "/usr", "/dev/null"])("%s is no program of root's", (path) =>
  expect(programOfRoot(path)).toBeNull(),
);

test("what somebody else could have put there is not executed to check a configuration", async () => {
  const folder = mkdtempSync(join(tmpdir(), "programs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [program, mark] = [join(folder, "sshd"), join(folder, "mark")];
  writeFileSync(program, `#!/bin/sh\n: >'${mark}'\nexit 1\n`);
  chmodSync(program, 0o755);
  if (process.geteuid?.() === 0) chownSync(folder, 65534, 65534);
  expect(isExecutable(program)).toBe(true);
  expect(await sshdComplaint({ property: "ExecStart", path: program, args: [] }, [])).toBeNull();
  expect(existsSync(mark)).toBe(false);
});
