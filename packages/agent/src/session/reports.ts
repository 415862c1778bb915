import type { Scan } from "@afterpatch/core/scan";
import type { FromAgent, ReportReason, ScanReport } from "@afterpatch/core/session";
import type { Clock, Machine } from "../ports.ts";
import type { Log } from "./session.ts";

/** Milliseconds from `now` (epoch ms) to the next report; 0 <= `jitter` < 1. */
export type Schedule = (now: number, jitter: number) => number;

/** Every `intervalMs`, a tenth earlier to a tenth later: a fleet that was booted together does not report together. */
export function every(intervalMs: number): Schedule {
  return (_now, jitter) => intervalMs * (0.9 + 0.2 * jitter);
}

/** Something on this host that makes a new scan worth its while. */
export interface Changes {
  readonly reason: "package-change" | "after-apply";
  /** Something changed, and `settled` will resolve for it in minutes. */
  isPending(): boolean;
  /** Resolves once something changed and the host is at rest again; what changes from then on counts anew. Rejects when aborted. */
  settled(signal: AbortSignal): Promise<void>;
}

export interface ReportsDeps {
  readonly machine: Pick<Machine, "scan">;
  readonly clock: Clock;
  readonly reportOf: (scan: Scan) => ScanReport;
  /** 0 <= random() < 1 */
  readonly random: () => number;
  readonly log: Log;
  /** When to report; absent: as often as the controller says. */
  readonly schedule?: Schedule;
  /** Absent: nothing is watched. */
  readonly changes?: readonly Changes[];
}

/** Until a controller has said how often. */
const DEFAULT_INTERVAL_MS = 1_800_000;
/** A timer of Node holds 24 days; a schedule may be longer. */
const LONGEST_SLEEP_MS = 86_400_000;

/** Scans and reports of this host: at the agent's start, on schedule, after changes and on request. Only the newest is kept. */
export class Reports {
  readonly #deps: ReportsDeps;
  #newest: { readonly report: ScanReport; readonly reason: ReportReason } | null = null;
  /** Why the newest scan was not made; null when it was. */
  #failure: string | null = null;
  #say: ((message: FromAgent) => void) | null = null;
  /** Request ids of the reports of this stream that were not acknowledged yet, oldest first; the answers come in order. */
  #unanswered: string[] = [];
  /** Digest of a report whose body the controller has. */
  #held: string | null = null;
  /** Proofs that were taken for the newest report once; they are told again and again, and things move on. */
  readonly #proofs = new WeakSet<ScanReport>();
  #controllers: Schedule = every(DEFAULT_INTERVAL_MS);
  #wake = new AbortController();

  constructor(deps: ReportsDeps) {
    this.#deps = deps;
  }

  /** With or without a controller, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (let reason: ReportReason = "boot"; !signal.aborted; ) {
      await this.#scan(reason, "", signal);
      reason = await this.#occasion(signal);
    }
  }

  /** A stream was welcomed: what was found meanwhile is said, and from now on all that is found. */
  attach(say: (message: FromAgent) => void, intervalMs: number): void {
    this.#say = say;
    this.#unanswered = [];
    this.#controllers = every(intervalMs);
    if (this.#newest) this.#deliver("");
    else this.sayFailure();
    this.#wake.abort(); // the interval may be another one, and the machine may have slept through it
    this.#wake = new AbortController();
  }

  detach(): void {
    this.#say = null;
  }

  /** Scans and reports because the controller asked. */
  answer(requestId: string, signal: AbortSignal): Promise<void> {
    return this.#scan("request", requestId, signal);
  }

  /** The controller's answer to the oldest report that has none. */
  acknowledged(digest: string, needsBody: boolean): void {
    const requestId = this.#unanswered.shift() ?? "";
    this.#held = needsBody ? null : digest;
    if (needsBody && this.#newest) this.#deliver(requestId);
  }

  /** The scan that proved a permit is newer than what was reported before. */
  proved(report: ScanReport): void {
    if (this.#proofs.has(report)) return;
    this.#proofs.add(report);
    this.#newest = { report, reason: "after-apply" };
    this.#failure = null;
  }

  /** What is told beside it may be of a scan before one that failed: the controller takes whatever comes last for the newest. */
  sayFailure(): void {
    if (this.#failure !== null) this.#say?.({ kind: "scan-failed", requestId: "", why: this.#failure });
  }

  /** A failed scan is said, never passed over: what was found before it stays, with its time. */
  async #scan(reason: ReportReason, requestId: string, signal: AbortSignal): Promise<void> {
    const { machine, reportOf, log } = this.#deps;
    try {
      const scan = await machine.scan(signal);
      this.#newest = { report: reportOf(scan), reason };
      this.#failure = null;
      log.info({ reason, findings: scan.findings.length, elapsedMs: scan.elapsedMs }, "host scanned");
    } catch (err) {
      if (signal.aborted) return;
      const why = err instanceof Error ? err.message : String(err);
      log.error({ reason, err }, "scan failed");
      this.#failure = why;
      this.#say?.({ kind: "scan-failed", requestId, why });
      return;
    }
    this.#deliver(requestId);
  }

  /** Without its body when the controller has that; it asks for the body when it has lost it. */
  #deliver(requestId: string): void {
    if (!this.#newest || !this.#say) return;
    const { report, reason } = this.#newest;
    this.#unanswered.push(requestId);
    const sent = report.digest === this.#held ? { ...report, body: new Uint8Array() } : report;
    this.#say({ kind: "report", report: sent, requestId, reason });
    this.sayFailure();
  }

  /** The next occasion to scan. */
  async #occasion(signal: AbortSignal): Promise<ReportReason> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const changed = async (changes: Changes) => {
      await changes.settled(either);
      return changes.reason;
    };
    try {
      return await Promise.race([this.#due(either), ...(this.#deps.changes ?? []).map(changed)]);
    } finally {
      over.abort();
    }
  }

  async #due(signal: AbortSignal): Promise<ReportReason> {
    const { clock, random, schedule, changes } = this.#deps;
    const begun = { now: clock.now(), sinceBootMs: clock.sinceBootMs(), jitter: random() };
    for (;;) {
      const waitMs = Math.ceil((schedule ?? this.#controllers)(begun.now, begun.jitter));
      const left = begun.sinceBootMs + waitMs - clock.sinceBootMs();
      if (left <= 0) break;
      await this.#sleep(Math.min(left, LONGEST_SLEEP_MS), signal);
    }
    // In the middle of a change a scan shows a host that is about to be another; the one after it serves as this one.
    if (changes?.some((one) => one.isPending())) await new Promise(() => {});
    return "schedule";
  }

  /** Until the time is over or the schedule may be another. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const wake = this.#wake.signal;
    try {
      await this.#deps.clock.sleep(ms, AbortSignal.any([signal, wake]));
    } catch (error) {
      if (signal.aborted || !wake.aborted) throw error;
    }
  }
}
