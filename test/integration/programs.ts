import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { controllerClient } from "@afterpatch/wire/credentials";
import { call } from "@afterpatch/wire/rpc";
import { controlService } from "@afterpatch/wire/services";
import type * as grpc from "@grpc/grpc-js";
import { onTestFinished } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const MAINS = {
  controller: "packages/controller/src/main.ts",
  agent: "packages/agent/src/main.ts",
  cli: "packages/cli/src/main.ts",
};
export type Program = keyof typeof MAINS;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program of this checkout as its users do; `through`: by another program, which runs the words after its own. */
export function start(program: Program, args: readonly string[], through: readonly string[] = []): ChildProcess {
  const words = [...through, "sh", join(ROOT, "test/node.sh"), join(ROOT, MAINS[program]), ...args];
  return spawn(words[0] ?? "sh", words.slice(1), { stdio: "pipe" });
}

/** Runs a program to its end. */
export function run(program: Program, args: readonly string[], stdin = ""): Promise<Ended> {
  const child = start(program, args);
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin?.on("error", () => undefined); // a program that does not read its input
  child.stdin?.end(stdin);
  return new Promise((settle, reject) => {
    child.once("error", reject);
    child.once("close", (code) => settle({ code, stdout, stderr }));
  });
}

/** A directory that is removed after the test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "afterpatch-test-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

export interface RunningController {
  readonly dataDir: string;
  readonly pid: number;
  readonly ports: { readonly fleet: number; readonly enrol: number; readonly http: number };
  /** Everything it has written so far. */
  output(): string;
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** `serve` on free ports of loopback; ended after the test. */
export async function serve(
  dataDir: string,
  args: readonly string[] = [],
  through: readonly string[] = [],
): Promise<RunningController> {
  const ports = ["--port", "0", "--enrol-port", "0", "--http-port", "0"];
  const child = start("controller", ["serve", "--data-dir", dataDir, ...ports, ...args], through);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const ended = new Promise<number | null>((settle) => child.once("exit", settle));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const path = join(dataDir, "run/ports.json");
  await until(() => child.exitCode !== null || output.includes("controller ready"));
  if (!existsSync(path)) throw new Error(`controller did not start: ${output}`);
  const { pid, ...found } = JSON.parse(readFileSync(path, "utf8"));
  return {
    dataDir,
    pid,
    ports: found,
    output: () => output,
    ended,
    stop: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Polls until `isSo`, for at most 20 s. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error("did not come about within 20 s");
    await new Promise((settle) => setTimeout(settle, 20));
  }
}

/** `init` for localhost, in a new temporary directory. */
export async function initialised(): Promise<string> {
  const dataDir = join(await temporaryDirectory(), "controller");
  const { code, stderr } = await run("controller", [
    "init",
    "--data-dir",
    dataDir,
    "--name",
    "localhost",
    "--name",
    "127.0.0.1",
  ]);
  if (code !== 0) throw new Error(stderr);
  return dataDir;
}

/** A client with the first operator's credentials; closed after the test. */
export async function adminClient(dataDir: string, port: number): Promise<grpc.Client> {
  const [ca = "", cert = "", key = ""] = await Promise.all(
    ["ca.crt", "operator.crt", "operator.key"].map((name) => readFile(join(dataDir, "admin", name), "utf8")),
  );
  const client = controllerClient({ host: "localhost", port }, { ca, cert, key });
  onTestFinished(() => client.close());
  return client;
}

export interface TokenWish {
  readonly uses?: number;
  readonly expiresMs?: number;
  readonly labels?: Record<string, string>;
}

/** Text of a new join token. */
export async function newToken({ dataDir, ports }: Pick<RunningController, "dataDir" | "ports">, wish: TokenWish = {}) {
  const client = await adminClient(dataDir, ports.fleet);
  const { uses = 1, expiresMs = 3_600_000, labels = {} } = wish;
  return (await call(client, controlService.createToken, { uses, expiresMs, labels }, 10_000)).token;
}
