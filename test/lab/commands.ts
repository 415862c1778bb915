import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { text } from "node:stream/consumers";

/** What the lab cannot go on from. The message reads `WHAT: WHY; WHAT TO DO` and names the host, file or command. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly code: "usage" | "missing-requirement" | "already-up" | "not-up" | "command-failed" | "timeout";
  constructor(code: LabError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface Finished {
  /** Exit code; 128 plus the signal's number when a signal ended the command, as a shell says it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Given on standard input, which is empty otherwise. */
  readonly input?: string | Buffer;
  /** 60 s unless told otherwise; the command is killed then and LabError "timeout" thrown. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** The whole environment; that of this process unless told otherwise. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a command to its end and resolves with any exit code; throws when it cannot start, on timeout and on abort.
 * `stop` ends the command then, and the process itself need not be what is to be killed.
 */
export async function run(argv: readonly string[], options: RunOptions = {}, stop = killHard): Promise<Finished> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const { signal } = options;
  signal?.throwIfAborted();
  const [file = "", ...rest] = argv;
  const child = spawn(file, rest, { stdio: "pipe", env: options.env ?? process.env });
  const given = Promise.withResolvers<never>();
  const giveUp = (reason: unknown) => {
    given.reject(reason);
    stop(child);
  };
  const abort = () => giveUp(signal?.reason);
  const timer = setTimeout(() => {
    giveUp(new LabError("timeout", `${argv.join(" ")}: still running after ${timeoutMs} ms; it was killed`));
  }, timeoutMs);
  signal?.addEventListener("abort", abort);
  child.stdin.on("error", () => undefined); // A command may end without reading its input; its exit code tells.
  child.stdin.end(options.input);
  try {
    const finished = Promise.all([exitCode(child), text(child.stdout), text(child.stderr)]);
    const [code, stdout, stderr] = await Promise.race([finished, given.promise]);
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function killHard(child: ChildProcess): void {
  child.kill("SIGKILL");
}

/** Like `run`, for commands that must succeed: resolves with their output, else throws with what they said. */
export async function must(argv: readonly string[], options: RunOptions = {}, stop = killHard): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options, stop);
  if (code === 0) return stdout;
  const said = `${stderr}${stdout}`.trim().split("\n").slice(-3).join(" | ");
  throw new LabError("command-failed", `${argv.join(" ")}: exit code ${code}; it said: ${said}`);
}

/** Resolves when the process has ended and its output is closed. */
export function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
  });
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
