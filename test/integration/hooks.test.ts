import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run as ask } from "@afterpatch/agent/effects/run";
import { runProgram } from "@afterpatch/agent/hooks/program";
import type { Command, Program } from "@afterpatch/core/policy/types";
import { afterAll, expect, test } from "vitest";
import { canMount, frozenMount } from "./hanging-mounts.ts";

const folder = mkdtempSync(join(tmpdir(), "afterpatch-hooks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const USER = process.geteuid?.() === 0 ? "root" : (process.env.USER ?? "root");

function run(command: Command, options: Partial<Program> = {}): Promise<string | null> {
  const program = { name: "p", command, timeoutMs: 20_000, user: USER, ...options };
  return runProgram(program, { variables: { AFTERPATCH_NAME: "p" }, graceMs: 300 });
}

const sh = (script: string): Command => ["/bin/sh", "-c", script];

test.each<[string, Command, string | null]>([
  ["that ends well", ["/bin/true"], null],
  ["that fails", ["/bin/false"], "exited 1"],
  ["that says why", sh("echo first; echo last >&2; exit 9"), "exited 9: last"],
  ["that says a secret", sh("echo password=hunter2; exit 1"), "exited 1: password=[redacted]"],
  ["that writes to a terminal", sh("printf '\\033[2Jgone\\n'; exit 1"), "exited 1: \\u{1b}[2Jgone"],
  ["that is killed", sh("kill -9 $$"), "was ended by SIGKILL"],
  ["that asks", sh("read answer"), "exited 1"],
  ["that talks without end", sh("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end; exit 4"), "exited 4: end"],
  ["that is not there", ["/nowhere/program"], "there is no program /nowhere/program"],
  ["that is a directory", ["/etc"], "/etc is not a file"],
  ["that cannot be executed", ["/etc/passwd"], "could not be started (EACCES)"],
])("a program %s", async (_name, command, expected) => expect(await run(command)).toBe(expected));

test("has an environment of its own, the root as its directory, and a session of its own", async () => {
  process.env.AFTERPATCH_SECRET = "x";
  const out = join(folder, "out");
  expect(await run(sh(`env > ${out}; pwd >> ${out}; ps -o sid= -p $$ >> ${out}; echo $$ >> ${out}`))).toBeNull();
  delete process.env.AFTERPATCH_SECRET;
  const lines = readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim());
  const [directory, session, pid] = lines.slice(-3);
  expect([directory, session]).toEqual(["/", pid]);
  const names = lines
    .slice(0, -3)
    .map((line) => line.split("=")[0])
    .toSorted();
  expect(names).toEqual(["AFTERPATCH_NAME", "HOME", "LC_ALL", "LOGNAME", "PATH", "PWD", "USER"]);
});

test("that takes too long is ended with all it started, by KILL if need be", async () => {
  const alive = join(folder, "alive");
  const script = `trap '' TERM; (trap '' TERM; while :; do touch ${alive}; sleep 0.05; done) & while :; do sleep 0.05; done`;
  expect(await run(sh(script), { timeoutMs: 1000 })).toBe("did not end within 1 s and was ended");
  rmSync(alive, { force: true });
  await expect.poll(() => existsSync(alive), { interval: 300, timeout: 400 }).toBe(false);
});

test.runIf(canMount)("that hangs in the kernel is given up", async () => {
  const frozen = await frozenMount();
  const write = ["-c", `: >${frozen.folder}/file`];
  const [hook, asked] = await Promise.all([
    run(["/bin/sh", ...write], { timeoutMs: 1000 }),
    ask("/bin/sh", write, 1000),
  ]);
  expect(hook).toMatch(/^did not end within 1 s and pid [0-9]+ cannot be ended$/);
  expect(asked.status).toBeNull();
  expect(asked.complaint).toMatch(/^no answer within 1000 ms, and pid [0-9]+ cannot be ended$/);
  frozen.thaw();
});

test("that leaves something running has ended", async () => {
  const started = performance.now();
  expect(await run(sh(`sleep 30 & echo $! > ${join(folder, "pid")}`))).toBeNull();
  expect(performance.now() - started).toBeLessThan(10_000);
  process.kill(Number(readFileSync(join(folder, "pid"), "utf8")));
});

test("that others may write is not run", async () => {
  const program = join(folder, "program");
  writeFileSync(program, `#!/bin/sh\ntouch ${folder}/ran\n`);
  chmodSync(program, 0o757);
  expect(await run([program])).toBe(`${program} may be written by others (mode 757)`);
  expect(existsSync(join(folder, "ran"))).toBe(false);
  chmodSync(program, 0o755);
  expect(await run([program])).toBeNull();
  expect(existsSync(join(folder, "ran"))).toBe(true);
});

test("that others may put another in place of is not run", async () => {
  const open = join(folder, "open");
  mkdirSync(join(open, "below"), { recursive: true });
  const program = join(open, "below", "program");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
  expect(await run([program])).toBeNull();
  const link = join(folder, "link");
  symlinkSync(program, link);
  for (const mode of [0o777, 0o770]) {
    chmodSync(open, mode);
    if (USER === "root" && mode === 0o770) chownSync(open, 0, 65534);
    for (const name of USER === "root" || mode === 0o777 ? [program, link] : []) {
      const why = `${open}, on the way to ${name}, may be written by others (mode ${mode.toString(8)})`;
      expect(await run([name])).toBe(why);
    }
  }
  if (USER !== "root") return;
  chmodSync(open, 0o755);
  chownSync(open, 65534, 65534);
  expect(await run([link])).toBe(
    `${open}, on the way to ${link}, belongs to uid 65534, neither to root nor to its user`,
  );
});

test("of a user that does not exist is not run", async () => {
  expect(await run(["/bin/true"], { user: "no-such-user" })).toBe("there is no user no-such-user");
});

test("runs as its user, without root's groups, if anybody may change users", async () => {
  const ran = await run(sh("id -u; id -G; test $(id -u) = 65534 && test $(id -G) = 65534"), { user: "nobody" });
  expect(ran).toBe(USER === "root" ? null : "could not be started (EPERM)");
});
