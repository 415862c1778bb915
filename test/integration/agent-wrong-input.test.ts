import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run, temporaryDirectory } from "./programs.ts";

// What the agent's own commands say to whoever types something that it would pass over, or cannot find.

test.each<[readonly string[], string, number]>([
  [["why"], "command line: an argument is missing: PID; see 'afterpatch-agent why --help'", 5],
  [["why", "sshd"], "why: sshd is no process number; give one, as ps -e lists them", 5],
  [
    ["reboot", "--cancel", "--delay", "5m"],
    "--delay: does not go with --cancel, which orders no reboot; leave it out",
    5,
  ],
  [
    ["reboot", "--cancel", "--settle", "5m"],
    "--settle: does not go with --cancel, which orders no reboot; leave it out",
    5,
  ],
  [
    ["reboot", "--cancel", "--method", "kexec"],
    "--method: does not go with --cancel, which orders no reboot; leave it out",
    5,
  ],
  [
    ["apply", "--delay", "5m", "--reboot", "never"],
    "--delay: there is no reboot here that people could be told of; leave it out, or leave the reboot in",
    5,
  ],
  [
    ["apply", "--unit", "ssh", "--message", "soon"],
    "--message: there is no reboot here that people could be told of; leave it out, or leave the reboot in",
    5,
  ],
])("%j", async (args, line, code) => {
  const { stdout, stderr, ...ended } = await run("agent", args);
  expect({ stdout, stderr, code: ended.code }).toEqual({ stdout: "", stderr: `afterpatch-agent: ${line}\n`, code });
});

test("a service that no super-server has is named in one line, with what is known", async () => {
  const { code, stdout, stderr } = await run("agent", ["sessions", "no\u001bsuch"]);
  expect(stderr).toMatch(
    /^afterpatch-agent: sessions: no super-server of this host has a service 'no\\u\{1b\}such' \([^\n]+\); [^\n]+\n$/,
  );
  expect([code, stdout]).toEqual([6, ""]);
});

test("-y is --yes", async () => {
  const { code, stderr } = await run("agent", ["apply", "-y", "--delay", "soon"]);
  expect(stderr).toMatch(/^afterpatch-agent: --delay: /);
  expect(code).toBe(5);
});

test("a library's name that leads to another file is told, and steps are for that one", async () => {
  const link = join(await temporaryDirectory(), "libc.so");
  const maps = readFileSync("/proc/self/maps", "utf8");
  const [libc = ""] = /\/\S+\/libc\.so\.6$/m.exec(maps) ?? [];
  symlinkSync(libc, link);
  const { code, stderr } = await run("agent", ["apply", "--library", link, "--dry-run"]);
  expect(stderr).toContain(`afterpatch-agent: --library: ${link} leads to ${libc}; who has that file is meant\n`);
  expect(code).toBe(0);
  const same = await run("agent", ["apply", "--library", libc, "--dry-run"]);
  expect(same.stderr).not.toContain("leads to");
});
