import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Real programs and libraries in a folder that scans do not ignore, and the processes that were started from it. */
export interface Workshop {
  readonly folder: string;
  /** Compiles a library whose code says `version`; without a build-id if asked, with `more` source. */
  library(path: string, version: number, options?: { readonly buildId?: boolean; readonly more?: string }): void;
  /** Compiles a program that loads the libraries it is given and then waits. */
  program(path: string, version?: number): void;
  /** Starts a program, and waits until it has loaded everything. */
  start(command: string, args: readonly string[]): Promise<number>;
  /** Ends every process that was started. */
  end(): Promise<void>;
  /** The same, and removes the folder. */
  close(): Promise<void>;
}

const PROGRAM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>
#include <pthread.h>
#include <string.h>
int version = VERSION;
static pthread_t leader;
/* Executable memory that has a name and is no program. */
static void map(const char *kind, const char *folder) {
  int fd = -1;
  char path[4096];
  snprintf(path, sizeof path, "%s/ffi%d", folder, (int)getpid());
  if (!strcmp(kind, "memfd")) fd = memfd_create("jit", 0);
  if (!strcmp(kind, "tmpfile")) fd = open(folder, O_TMPFILE | O_RDWR, 0700);
  if (!strcmp(kind, "zero")) fd = open("/dev/zero", O_RDWR);
  if (!strcmp(kind, "jit")) { fd = open(path, O_CREAT | O_RDWR, 0700); unlink(path); }
  if (!strcmp(kind, "sysv")) { int id = shmget(IPC_PRIVATE, 4096, 0700 | IPC_CREAT); shmat(id, 0, SHM_EXEC); shmctl(id, IPC_RMID, 0); return; }
  if (strcmp(kind, "zero") && ftruncate(fd, 4096)) exit(3);
  if (mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED) exit(4);
}
static void exec_memfd(char **argv) {
  static char block[1 << 20];
  char *const next[] = {argv[0], 0};
  int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("program", MFD_CLOEXEC);
  if (write(to, block, read(from, block, sizeof block)) < 0) exit(3);
  fexecve(to, next, environ);
  exit(4);
}
static void wait_for_ever(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
static void *outlive(void *x) { pthread_join(leader, 0); wait_for_ever(); return x; }
int main(int argc, char **argv) {
  int leave = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--leader-exits") == 0) { leave = 1; continue; }
    if (strcmp(argv[i], "--memfd-exec") == 0) exec_memfd(argv);
    if (strncmp(argv[i], "--map=", 6) == 0) { map(argv[i] + 6, argv[i + 1]); i++; continue; }
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
    library(path, version, { buildId = true, more = "" } = {}) {
      const flag = buildId ? "-Wl,--build-id=sha1" : "-Wl,--build-id=none";
      compile(
        ["-shared", "-fPIC", flag, "-o", join(folder, path)],
        `int version(void) { return ${version}; }\n${more}\n`,
      );
    },
    program(path, version = 1) {
      compile(["-pthread", "-Wl,--build-id=sha1", `-DVERSION=${version}`, "-o", join(folder, path)], PROGRAM);
    },
    async start(command, args) {
      const child = spawn(command, [...args], { cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
      children.push(child);
      await ready(child);
      if (child.pid === undefined) throw new Error(`${command} was not started`);
      return child.pid;
    },
    async end() {
      for (const child of children) await ended(child);
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
