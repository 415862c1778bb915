import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";

const INIT = readFileSync(join(import.meta.dirname, "../../deploy/package/files/afterpatch-agent.init"), "utf8");
const SHELLS = ["dash", "bash --posix", "busybox sh"].flatMap((shell) => {
  const [name = "", ...words] = shell.split(" ");
  const path = spawnSync("sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" }).stdout.trim();
  return path === "" ? [] : [[shell, [path, ...words]] as const];
});
const isRoot = process.geteuid?.() === 0;

/** Stands for the agent: it says that it is there, has a child of its own and one that is not, and tells what it was given. */
const AGENT = `
import { spawn } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
if (process.argv[2] === "--version") process.exit(existsSync("FOLDER/broken") ? 1 : 0);
if (existsSync("FOLDER/mistaken")) {
  console.error("afterpatch-agent: config: it is wrong");
  process.exit(5);
}
const child = (detached) => spawn("sleep", ["600"], { detached, stdio: "ignore" }).pid;
const given = { env: process.env, cwd: process.cwd(), umask: process.umask(), files: readdirSync("/proc/self/fd").map(Number) };
writeFileSync("FOLDER/told.json", JSON.stringify({ own: child(false), restarted: child(true), ...given }));
process.on("SIGHUP", () => console.log("read again"));
process.on("SIGTERM", () => existsSync("FOLDER/deaf") || process.exit(0));
console.log('{"msg":"agent started"}');
setInterval(() => {}, 1000);
`;

describe.runIf(isRoot).each(SHELLS)("the agent's init script in %s", (_name, shell) => {
  /** A host with a script of its own. */
  function host() {
    const folder = mkdtempSync(join(tmpdir(), "afterpatch-init-"));
    const daemon = join(folder, "afterpatch-agent");
    const script = INIT.replaceAll("/usr/bin/afterpatch-agent", daemon)
      .replaceAll("/run/afterpatch", join(folder, "run"))
      .replace("/var/lib/afterpatch/agent/identity", join(folder, "identity"))
      .replaceAll("/var/log/afterpatch", join(folder, "log"))
      .replace("/var/lock/subsys", join(folder, "subsys"))
      .replaceAll("/run/systemd/system", join(folder, "systemd"))
      .replace("STOP_SECONDS=90", "STOP_SECONDS=1");
    writeFileSync(join(folder, "init"), script);
    writeFileSync(join(folder, "afterpatch-agent.mjs"), AGENT.replaceAll("FOLDER", folder));
    const install = () => {
      writeFileSync(daemon, `#!/bin/sh\nexec ${process.execPath} ${daemon}.mjs "$@"\n`);
      chmodSync(daemon, 0o755);
    };
    install();
    mkdirSync(join(folder, "identity"));
    const words = [...shell, join(folder, "init")];
    const run = (...verbs: readonly string[]): SpawnSyncReturns<string> =>
      spawnSync(words[0] ?? "", [...words.slice(1), ...verbs], {
        encoding: "utf8",
        env: { SECRET: "1", PATH: "/evil:/bin" },
      });
    const code = (verb: string) => run(verb).status;
    const pid = () => Number(readFileSync(join(folder, "run/agent.pid"), "utf8"));
    const told = (): Told => JSON.parse(readFileSync(join(folder, "told.json"), "utf8"));
    onTestFinished(() => {
      rmSync(join(folder, "deaf"), { force: true });
      run("stop");
      if (existsSync(join(folder, "told.json"))) kill(told().restarted, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
    return { folder, daemon, words, install, run, code, pid, told };
  }

  test("start, status, reload, restart and stop, each a second time too", () => {
    const { folder, run, code, pid } = host();
    expect([code("status"), code("stop"), code("reload"), code("try-restart"), code("status")]).toEqual([
      3, 0, 7, 0, 3,
    ]);
    expect(run("start")).toMatchObject({ status: 0, stderr: "" });
    const first = pid();
    expect([code("start"), code("status"), code("reload"), code("force-reload"), pid()]).toEqual([0, 0, 0, 0, first]);
    expect(run("restart")).toMatchObject({ status: 0, stderr: "" });
    const second = pid();
    expect([second === first, isThere(first), isThere(second)]).toEqual([false, false, true]);
    expect([code("try-restart"), pid() === second, code("status")]).toEqual([0, false, 0]);
    expect([code("stop"), code("status"), code("stop")]).toEqual([0, 3, 0]);
    expect([code("restart"), code("status")]).toEqual([0, 0]);
    expect(readFileSync(join(folder, "log/agent.log"), "utf8")).toContain("agent started");
  });

  test("what it is not told is how it is used", () => {
    const { run, words } = host();
    expect(run("halt")).toMatchObject({ status: 2, stderr: expect.stringContaining("usage: ") });
    expect(run().status).toBe(2);
    expect(spawnSync(words[0] ?? "", [...words.slice(1), "start", "now"]).status).toBe(2);
  });

  test("not installed is 5, not enrolled 6, and neither ends one that runs", () => {
    const { folder, daemon, install, run, code } = host();
    rmSync(daemon);
    expect([code("start"), code("restart"), code("status"), code("stop")]).toEqual([5, 5, 3, 0]);
    install();
    rmSync(join(folder, "identity"), { recursive: true });
    expect(run("start")).toMatchObject({ status: 6, stderr: expect.stringContaining("not enrolled") });
    expect(code("status")).toBe(3);
    mkdirSync(join(folder, "identity"));
    expect(code("start")).toBe(0);
    writeFileSync(join(folder, "broken"), "");
    expect([code("restart"), code("try-restart"), code("status")]).toEqual([1, 1, 0]);
    rmSync(daemon);
    expect([code("restart"), code("status"), code("start")]).toEqual([5, 0, 0]);
  });

  test("a mistake in its file is 6, and what it said is told", () => {
    const { folder, run, code } = host();
    writeFileSync(join(folder, "mistaken"), "");
    expect(run("start")).toMatchObject({ status: 6, stderr: expect.stringContaining("config: it is wrong") });
    expect(code("status")).toBe(3);
  });

  test("a pid file that was left, and a number that was given to something else", async () => {
    const { folder, code, pid } = host();
    expect(code("start")).toBe(0);
    kill(pid(), "SIGKILL");
    await expect.poll(() => isThere(pid())).toBe(false);
    expect(code("status")).toBe(1);
    const other = spawn("sleep", ["600"], { stdio: "ignore" });
    await once(other, "spawn");
    onTestFinished(() => void other.kill());
    writeFileSync(join(folder, "run/agent.pid"), `${other.pid}\n`);
    expect([code("status"), code("try-restart"), code("reload"), code("stop")]).toEqual([1, 0, 7, 0]);
    expect(other.exitCode ?? other.signalCode).toBe(null);
    writeFileSync(join(folder, "run/agent.pid"), "-1 x\n");
    expect([code("status"), code("start"), code("status")]).toEqual([1, 0, 0]);
  });

  test("who may not read it does not say that it is dead", () => {
    const { folder, words, code } = host();
    expect(code("start")).toBe(0);
    chmodSync(folder, 0o755);
    const asNobody = (verb: string) =>
      spawnSync("setpriv", ["--reuid", "65534", "--clear-groups", ...words, verb], { encoding: "utf8" }).status;
    expect([asNobody("status"), asNobody("stop"), asNobody("start")]).toEqual([4, 4, 4]);
    expect(code("status")).toBe(0);
  });

  test("it gets nothing of whoever started it, and stop ends it and its own, not what it restarted", async () => {
    const { folder, code, pid, told } = host();
    expect(code("start")).toBe(0);
    const { own, restarted, env, cwd, umask } = told();
    const ofShell = ["PWD", "SHLVL", "_", "OLDPWD"];
    const given = Object.keys(env).filter((name) => !ofShell.includes(name));
    expect(given.sort()).toEqual(["MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "PATH"]);
    expect([env.PATH, cwd, umask]).toEqual(["/usr/sbin:/usr/bin:/sbin:/bin", "/", 0o077]);
    const links = spawnSync("sh", ["-c", 'ls -l "/proc/$0/fd"', `${pid()}`], { encoding: "utf8" }).stdout;
    expect(links).not.toContain("init.lock");
    writeFileSync(join(folder, "deaf"), "");
    expect(code("stop")).toBe(0);
    await expect.poll(() => isThere(own)).toBe(false);
    expect(isThere(restarted)).toBe(true);
  });

  test("five restarts at once leave one agent", async () => {
    const { words, code, pid } = host();
    expect(code("start")).toBe(0);
    const ended = Array.from({ length: 5 }, async () => {
      const child = spawn(words[0] ?? "", [...words.slice(1), "restart"], { stdio: "ignore" });
      const [status] = await once(child, "exit");
      return status;
    });
    expect(await Promise.all(ended)).toEqual([0, 0, 0, 0, 0]);
    expect(code("status")).toBe(0);
    const running = spawnSync("pgrep", ["-f", `${words.at(-1)?.replace(/init$/, "afterpatch-agent.mjs")} run`], {
      encoding: "utf8",
    });
    expect(running.stdout.trim()).toBe(`${pid()}`);
  });

  test("whoever ordered it may end before it has", async () => {
    const { words, code, pid, folder } = host();
    expect(code("start")).toBe(0);
    const before = pid();
    const child = spawn(words[0] ?? "", [...words.slice(1), "restart"], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    child.stdout.destroy();
    child.stderr.destroy();
    const [status] = await once(child, "exit");
    expect([status, code("status"), pid() === before]).toEqual([0, 0, false]);
    mkdirSync(join(folder, "subsys"));
    expect([code("restart"), existsSync(join(folder, "subsys/afterpatch-agent"))]).toEqual([0, true]);
    expect([code("stop"), existsSync(join(folder, "subsys/afterpatch-agent"))]).toEqual([0, false]);
  });
});

interface Told {
  readonly own: number;
  readonly restarted: number;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly umask: number;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  if (isThere(pid)) process.kill(pid, signal);
}

/** And no zombie: who is nobody's child any more waits for PID 1. */
function isThere(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
