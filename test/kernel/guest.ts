import { setTimeout as sleep } from "node:timers/promises";
import { type Finished, LabError, type RunOptions } from "../lab/commands.ts";
import type { JsonPeer } from "./peer.ts";

const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  DEBIAN_FRONTEND: "noninteractive",
} as const;

const POLL_MS = 100;
/** How long an answer may take that costs the guest nothing, on a machine that emulates it and has other work. */
const ANSWER_MS = 60_000;

/** Runs a command in the guest as root, through Debian's qemu-guest-agent: no network, no secrets. */
export async function execIn(agent: JsonPeer, argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [path = "", ...arg] = argv;
  const env = Object.entries({ ...ENVIRONMENT, ...options.env }).map(([name, value]) => `${name}=${value}`);
  const started = await agent.call(
    "guest-exec",
    { path, arg, env, ...inputOf(options), "capture-output": true },
    ANSWER_MS,
  );
  const timeoutMs = options.timeoutMs ?? 120_000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const status = await agent.call("guest-exec-status", { pid: pidOf(started) }, ANSWER_MS);
    const finished = finishedOf(status);
    if (finished) return finished;
    if (performance.now() > deadline) {
      throw new LabError("timeout", `in the guest: ${argv.join(" ")}: still running after ${timeoutMs} ms`);
    }
    await sleep(POLL_MS);
  }
}

function inputOf({ input }: RunOptions) {
  return input === undefined ? {} : { "input-data": Buffer.from(input).toString("base64") };
}

/** GuestExec of QEMU's guest agent protocol. */
function pidOf(started: unknown): number {
  return (started as { readonly pid: number }).pid;
}

/** GuestExecStatus; null while it runs. */
function finishedOf(status: unknown): Finished | null {
  const { exited, exitcode, signal, ...said } = status as {
    readonly exited: boolean;
    readonly exitcode?: number;
    readonly signal?: number;
    readonly "out-data"?: string;
    readonly "err-data"?: string;
  };
  if (!exited) return null;
  const text = (base64 = "") => Buffer.from(base64, "base64").toString();
  return { code: exitcode ?? 128 + (signal ?? 0), stdout: text(said["out-data"]), stderr: text(said["err-data"]) };
}
