import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scan } from "@afterpatch/core/scan";
import { StepError } from "../effects/error.ts";
import type { Log } from "../session/session.ts";
import { giveBack } from "./give-back.ts";
import { reclaimClean } from "./reclaim.ts";
import { SCAN_CHILD, type ScanAnswer, type ScanOrder } from "./messages.ts";

export interface ScannerOptions {
  readonly order: ScanOrder;
  /** What starts this program; arguments are added. */
  readonly program: readonly [string, ...string[]];
  readonly log: Log;
  /** Aborted: no scan is begun any more, and the one that goes on is given up. */
  readonly signal: AbortSignal;
  readonly timing?: Timing;
}

/** Milliseconds. */
interface Timing {
  readonly deadlineMs: number;
  /** The child ends when it had nothing to do for so long, and this process gives memory back; the next scan starts another. */
  readonly idleMs: number;
}

const TIMING: Timing = { deadlineMs: 120_000, idleMs: 60_000 };

/** So many children may hang in the kernel, where no signal reaches them; then none is started until one of them has ended. */
const MOST_STUCK = 3;

/**
 * Scans in a process of its own: a call on a dead disk or file server may never return, and then the daemon goes on without
 * it. What is not answered in time has failed, and is no scan that found nothing.
 */
export class Scanner {
  readonly #options: ScannerOptions;
  readonly #timing: Timing;
  #child: ChildProcess | null = null;
  /** Killed, and not ended yet. */
  readonly #stuck = new Set<ChildProcess>();
  #turn: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | null = null;
  /** Once is enough: later scans are of the child alone. And what each gave back the next would read from the disk again. */
  #isReclaimed = false;

  constructor(options: ScannerOptions) {
    this.#options = options;
    this.#timing = options.timing ?? TIMING;
    options.signal.addEventListener("abort", () => this.#dismiss(), { once: true });
  }

  /** One at a time; each begins after it was asked for. StepError `scan-failed` when there is none. */
  scan(signal: AbortSignal): Promise<Scan> {
    const either = AbortSignal.any([signal, this.#options.signal]);
    const over = new AbortController();
    const scan = this.#turn.then(() => this.#ask(either));
    this.#turn = scan.then(
      () => {},
      () => {}, // told to whoever asked for it
    );
    return Promise.race([scan, aborted(either, over.signal)]).finally(() => over.abort());
  }

  /** Pid of the process that scans, while there is one. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  async #ask(signal: AbortSignal): Promise<Scan> {
    signal.throwIfAborted();
    if (this.#idle) clearTimeout(this.#idle);
    const child = this.#child?.connected ? this.#child : this.#start();
    this.#child = child;
    try {
      const answer = await this.#answer(child, signal);
      if (answer.kind === "failed") throw failed(`the host could not be scanned: ${answer.why}`);
      return answer.scan;
    } finally {
      this.#idle = setTimeout(() => this.#rest(), this.#timing.idleMs).unref();
    }
  }

  async #answer(child: ChildProcess, signal: AbortSignal): Promise<ScanAnswer> {
    const over = new AbortController();
    const heard = async (event: "message" | "exit") =>
      (await once(child, event, { signal: over.signal }))[0] as unknown;
    try {
      const answer = await Promise.race([
        heard("message"),
        heard("exit").then(() => Promise.reject(failed(`the process that scans ended with ${endOf(child)}`))),
        sleep(this.#timing.deadlineMs, null, { signal: over.signal }).then(() => Promise.reject(this.#hangs(child))),
        told(child, this.#options.order),
        aborted(signal, over.signal),
      ]);
      return answer as ScanAnswer; // of child.ts, which is this program
    } catch (error) {
      this.#abandon(child);
      throw error instanceof StepError || signal.aborted ? error : failed(`no process that scans: ${messageOf(error)}`);
    } finally {
      over.abort();
    }
  }

  #start(): ChildProcess {
    if (this.#stuck.size >= MOST_STUCK) {
      const pids = [...this.#stuck].map(({ pid }) => pid).join(", ");
      const why = `${this.#stuck.size} scans hang in the kernel (pids ${pids}): a disk or a file server does not answer`;
      this.#options.log.error({ pids }, "scans hang in the kernel, none is begun until one of them has ended");
      throw failed(why);
    }
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
    const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
    const [file, ...words] = this.#options.program;
    const child = spawn(file, [...words, SCAN_CHILD], { cwd: "/", env, stdio: [...stdio] });
    return child.on("error", () => {}); // whoever waits for it is told, see events.once()
  }

  #hangs(child: ChildProcess): StepError {
    const where = kernelFunction(child.pid);
    this.#options.log.error(
      { pid: child.pid, where, elapsedMs: this.#timing.deadlineMs },
      "scan hangs, it was given up",
    );
    const place = where === null ? "" : `, in the kernel's ${where}`;
    return failed(`no end within ${this.#timing.deadlineMs} ms (pid ${child.pid}${place})`);
  }

  /** Killed, and not waited for: in an uninterruptible sleep it ends when the kernel lets it. */
  #abandon(child: ChildProcess): void {
    if (this.#child === child) this.#child = null;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.#stuck.add(child);
    child.once("exit", () => this.#stuck.delete(child));
    child.kill("SIGKILL");
    if (child.connected) child.disconnect();
    child.unref();
  }

  #rest(): void {
    const child = this.#dismiss();
    giveBack();
    if (this.#isReclaimed) return;
    this.#isReclaimed = true;
    child?.once("exit", () => void reclaimClean());
  }

  /** Lets the child go that has nothing to do; it ends when the line is cut. */
  #dismiss(): ChildProcess | null {
    const child = this.#child;
    this.#child = null;
    if (this.#idle) clearTimeout(this.#idle);
    if (child?.connected) child.disconnect();
    child?.unref();
    return child;
  }
}

function failed(why: string): StepError {
  return new StepError("scan-failed", why);
}

/** Rejects when the order cannot be given; that it was given is no answer. */
function told(child: ChildProcess, order: ScanOrder): Promise<never> {
  return new Promise((_resolve, reject) => {
    child.send(order, (error) => {
      if (error) reject(error);
    });
  });
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `code ${exitCode}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Until `over`: what still listens to a signal that lives as long as the daemon keeps what it was raced with, a scan each. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: over });
  });
}

/** Where a process sleeps, see proc_pid_wchan(5); for people. */
function kernelFunction(pid: number | undefined): string | null {
  try {
    const name = readFileSync(`/proc/${pid}/wchan`, "latin1");
    return /^[a-z][\w.]+$/i.test(name) ? name : null;
  } catch {
    return null; // it has just ended, or nobody may know
  }
}
