import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Real programs and libraries in a folder that scans do not ignore, and the processes that were started from it. */
export interface Workshop {
  readonly folder: string;
  /** Compiles a library whose code says `version`; without a build-id if asked. */
  library(path: string, version: number, options?: { readonly buildId?: boolean }): void;
  /** Compiles a program that loads the libraries it is given and then waits. */
  program(path: string): void;
  /** Starts a program, and waits until it has loaded everything. */
  start(command: string, args: readonly string[]): Promise<number>;
  /** Ends every process that was started, then removes the folder. */
  close(): Promise<void>;
}

const PROGRAM = `
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
#include <pthread.h>
#include <string.h>
static pthread_t leader;
static void wait_for_ever(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
static void *outlive(void *x) { pthread_join(leader, 0); wait_for_ever(); return x; }
int main(int argc, char **argv) {
  int leave = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--leader-exits") == 0) { leave = 1; continue; }
    if (!dlopen(argv[i], RTLD_NOW)) { fprintf(stderr, "%s\\n", dlerror()); return 1; }
  }
  if (!leave) wait_for_ever();
  usleep(50000); /* so that the thread's start time is not the leader's */
  leader = pthread_self();
  pthread_t t; pthread_create(&t, 0, outlive, 0);
  pthread_exit(0);
}
`;

export function openWorkshop(): Workshop {
  const folder = mkdtempSync("/var/lib/afterpatch-test-");
  const children: ChildProcess[] = [];
  const compile = (args: readonly string[], source: string) => {
    const file = join(folder, "source.c");
    writeFileSync(file, source);
    execFileSync("gcc", [...args, file], { stdio: "pipe" });
  };
  return {
    folder,
    library(path, version, { buildId = true } = {}) {
      const flag = buildId ? "-Wl,--build-id=sha1" : "-Wl,--build-id=none";
      compile(["-shared", "-fPIC", flag, "-o", join(folder, path)], `int version(void) { return ${version}; }\n`);
    },
    program(path) {
      compile(["-pthread", "-Wl,--build-id=sha1", "-o", join(folder, path)], PROGRAM);
    },
    async start(command, args) {
      const child = spawn(command, [...args], { cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
      children.push(child);
      await ready(child);
      if (child.pid === undefined) throw new Error(`${command} was not started`);
      return child.pid;
    },
    async close() {
      for (const child of children) await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("ready")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${said}`)));
    child.once("error", reject);
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** Copies of the libraries that every program needs, for a root of its own. */
export function copyRuntime(root: string): void {
  const listed = execFileSync("ldd", ["/bin/true"], { encoding: "utf8" });
  for (const [path] of listed.matchAll(/\/\S+/g)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    execFileSync("cp", ["-L", path, join(root, path)]);
  }
}

/** Why these tests cannot run here, or null. */
export function whatIsMissing(): string | null {
  if (process.geteuid?.() !== 0) return "not root";
  for (const tool of ["gcc", "unshare", "chroot", "ldd"]) {
    try {
      execFileSync("sh", ["-c", 'command -v "$1"', "sh", tool], { stdio: "ignore" });
    } catch {
      return `no ${tool}`;
    }
  }
  return null;
}
