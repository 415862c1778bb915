import { setTimeout as sleep } from "node:timers/promises";
import { fileReason } from "@afterpatch/core/command-error";
import { askLocal, canAsk } from "./socket.ts";

export type Readiness =
  | {
      readonly kind: "ready";
      readonly ports: { readonly fleet: number; readonly enrol: number; readonly http: number };
    }
  /** Nobody answered in time. */
  | { readonly kind: "not-yet" }
  /** The process that was to serve is gone. */
  | { readonly kind: "ended" }
  /** A process serves that is not the one that was to. */
  | { readonly kind: "another"; readonly pid: number }
  | { readonly kind: "cannot-ask"; readonly why: string }
  | { readonly kind: "too-long" };

export interface Expected {
  /** 0: asked once. */
  readonly waitMs: number;
  /** The process that is to serve; null: whichever does. */
  readonly pid: number | null;
}

/** Between two questions. */
const PAUSE_MS = 100;
/** One that takes the question and does not answer is busy, and not ready. */
const PATIENCE_MS = 5_000;

/** Asks the controller of a data directory until it answers, which it does once all of its ports are open. */
export async function whenReady(dataDir: string, { waitMs, pid }: Expected): Promise<Readiness> {
  if (!canAsk(dataDir)) return { kind: "too-long" };
  const end = performance.now() + waitMs;
  for (;;) {
    const found = await readiness(dataDir);
    if (found.kind === "ready" && pid !== null && found.pid !== pid) return { kind: "another", pid: found.pid };
    if (found.kind !== "not-yet") return found;
    if (pid !== null && !isThere(pid)) return { kind: "ended" };
    const leftMs = end - performance.now();
    if (leftMs <= 0) return found;
    await sleep(Math.min(PAUSE_MS, leftMs));
  }
}

type Answered = Extract<Readiness, { kind: "ready" }> & { readonly pid: number };

async function readiness(dataDir: string): Promise<Answered | Extract<Readiness, { kind: "not-yet" | "cannot-ask" }>> {
  try {
    const answer = await askLocal(dataDir, { kind: "ready" }, PATIENCE_MS);
    if (answer?.kind !== "done") return { kind: "not-yet" };
    const of = (name: string) => Number(answer.result[name]);
    return { kind: "ready", ports: { fleet: of("fleet"), enrol: of("enrol"), http: of("http") }, pid: of("pid") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EACCES" || code === "EPERM") return { kind: "cannot-ask", why: fileReason(error) };
    return { kind: "not-yet" }; // it ends, or is too busy
  }
}

/** kill(2) with signal 0; EPERM: it is there, and somebody else's. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
