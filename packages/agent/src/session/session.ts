import type { FromAgent, PermitUpdate, ToAgent } from "@afterpatch/core/session";
import { JournalError } from "../journal/error.ts";
import type { Channel, Connect } from "./channel.ts";
import { Orders, type OrdersDeps } from "./orders.ts";
import type { Answers } from "../probe/probe.ts";
import { Reports, type ReportsDeps } from "./reports.ts";

/** How often an ending that was not acknowledged is told again. */
const TELL_AGAIN_MS = 10_000;
const LONGEST_BACKOFF_MS = 90_000;
/** A process that missed its own tick for so long was stopped, or its machine was: what its stream still holds is old. */
const TICK_MS = 10_000;
const LONGEST_ABSENCE_MS = 30_000;

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SessionDeps extends Omit<OrdersDeps, "emit" | "signal">, ReportsDeps {
  readonly machine: OrdersDeps["machine"];
  readonly agentVersion: string;
  /** Random, of this process. */
  readonly instanceId: string;
  readonly connect: Connect;
  /** Answers questions about the host. Absent: none. */
  readonly probe?: Answers;
}

/** The agent's side of the stream: connects, reports, takes permits, and connects again. */
export class Session {
  readonly #deps: SessionDeps;
  readonly #orders: Orders;
  readonly #reports: Reports;
  readonly #signal: AbortSignal;
  /** What failed beside the stream, and who waits for something else meanwhile. */
  #fatal: { readonly error: unknown } | null = null;
  readonly #waiting = new Set<(error: unknown) => void>();
  #channel: Channel | null = null;
  #failures = 0;
  /** Since boot, time asleep included: when this process was surely running. */
  #awakeAt = 0;

  constructor(deps: SessionDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#reports = new Reports(deps);
    const emit = (update: PermitUpdate): void => {
      const proof = update.state === "finished" ? update.outcome.proof : null;
      if (proof) this.#reports.proved(proof);
      this.#say({ kind: "permit-update", update });
      if (proof) this.#reports.sayFailure();
    };
    this.#orders = new Orders({ ...deps, emit, signal });
  }

  /** Runs until the signal aborts. Rejects when the journal fails: the process must exit and find out on its next start. */
  async run(): Promise<void> {
    this.#background(this.#orders.resume(), this.#reports.run(this.#signal));
    while (!this.#signal.aborted) {
      try {
        await this.#live(await this.#race(this.#deps.connect(this.#signal)));
        this.#deps.log.info({}, "stream ended");
      } catch (err) {
        if (this.#signal.aborted) return;
        if (err instanceof JournalError) throw err;
        await this.#race(Promise.resolve()); // so does what failed beside the stream
        const why = err instanceof Error ? err.message : String(err);
        this.#deps.log.warn({ why, attempt: this.#failures + 1 }, "controller not reached");
      }
      await this.#pause();
    }
  }

  /** One stream from Welcome to its end. */
  async #live(channel: Channel): Promise<void> {
    const over = new AbortController();
    const close = () => channel.close();
    this.#signal.addEventListener("abort", close, { once: true });
    try {
      const incoming = channel.incoming[Symbol.asyncIterator]();
      const first = await this.#race(incoming.next());
      if (first.done) return;
      await this.#welcome(channel, first.value);
      const signal = AbortSignal.any([over.signal, this.#signal]);
      this.#background(this.#tellOften(signal), this.#stayAwake(channel, signal));
      for (;;) {
        const { done, value } = await this.#race(incoming.next());
        if (done) return;
        await this.#hear(value, signal);
      }
    } finally {
      over.abort();
      this.#signal.removeEventListener("abort", close);
      this.#channel = null;
      this.#reports.detach();
      channel.close();
    }
  }

  /** The epoch is on the disk before the answer: from then on permits of a smaller one are refused. */
  async #welcome(channel: Channel, message: ToAgent): Promise<void> {
    if (message.kind !== "welcome") throw new Error(`the controller began with ${message.kind} instead of welcome`);
    const highest = this.#epoch();
    if (message.epoch < highest) {
      throw new Error(
        `the controller has epoch ${message.epoch}, this host has seen ${highest}: it runs on an old store`,
      );
    }
    if (message.epoch > highest) await this.#deps.journal.append({ type: "epoch", epoch: message.epoch });
    const { agentVersion, machine, instanceId } = this.#deps;
    const permits = this.#orders.unacknowledged();
    channel.send({ kind: "hello", agentVersion, bootId: machine.bootId(), epoch: message.epoch, permits, instanceId });
    this.#channel = channel;
    this.#failures = 0;
    this.#awakeAt = this.#deps.clock.sinceBootMs();
    this.#reports.attach((report) => this.#say(report), message.reportIntervalMs);
    const { epoch, controllerVersion, auditHead } = message;
    this.#deps.log.info({ epoch, controllerVersion, auditHead }, "connected");
  }

  /** `signal`: of the stream. */
  async #hear(message: ToAgent, signal: AbortSignal): Promise<void> {
    switch (message.kind) {
      case "welcome":
        throw new Error("the controller said welcome twice");
      case "permit": {
        // Nobody knows how long it has waited in the stream: the next Hello says that it was not begun.
        if (this.#wasAway()) throw new Error("a permit was met after a pause of this process or its machine");
        const { done } = await this.#orders.take(message.permit, this.#epoch());
        this.#background(done);
        return;
      }
      case "permit-ack":
        return this.#orders.acknowledge(message.permitId);
      case "scan":
        this.#background(this.#reports.answer(message.requestId, this.#signal)); // a scan that hangs holds up no permit
        return;
      case "probe":
        this.#background(this.#answer(message, signal)); // nor does a check that takes its time
        return;
      case "report-ack":
        this.#reports.acknowledged(message.digest, message.sendBody);
    }
  }

  /** What the controller asks is looked at beside everything else, for as long as the stream on which it asked is there. */
  async #answer(
    { requestId, probe, timeoutMs }: Extract<ToAgent, { kind: "probe" }>,
    signal: AbortSignal,
  ): Promise<void> {
    const answer = await this.#deps.probe?.(probe, timeoutMs, signal);
    const none = { why: "this agent answers no questions", failedUnits: [], ports: [], units: [] };
    if (!signal.aborted) this.#say({ kind: "probe-result", requestId, answer: answer ?? none });
  }

  async #tellOften(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#orders.tellEndings();
      await this.#sleep(TELL_AGAIN_MS, signal);
    }
  }

  /** Leaves a stream that was open while this process, or the whole machine, was paused. */
  async #stayAwake(channel: Channel, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#sleep(TICK_MS, signal);
      if (signal.aborted) return;
      if (this.#wasAway()) {
        this.#deps.log.warn({}, "this process or its machine was paused: connecting anew");
        channel.close();
        return;
      }
      this.#awakeAt = this.#deps.clock.sinceBootMs();
    }
  }

  #wasAway(): boolean {
    return this.#deps.clock.sinceBootMs() - this.#awakeAt > TICK_MS + LONGEST_ABSENCE_MS;
  }

  /** Full jitter over 1 s, 2 s, 4 s ... 90 s, so that a fleet does not come back in step. */
  async #pause(): Promise<void> {
    const ceiling = Math.min(LONGEST_BACKOFF_MS, 1_000 * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    await this.#race(this.#sleep(ceiling * this.#deps.random(), this.#signal));
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #say(message: FromAgent): void {
    this.#channel?.send(message);
  }

  #epoch(): number {
    return this.#deps.journal.records().reduce((high, r) => (r.type === "epoch" ? Math.max(high, r.epoch) : high), 0);
  }

  /** Work beside the stream; its failure ends the agent. */
  #background(...work: readonly Promise<void>[]): void {
    for (const piece of work) {
      piece.catch((error: unknown) => {
        if (!this.#signal.aborted) this.#fail(error);
      });
    }
  }

  #fail(error: unknown): void {
    this.#fatal ??= { error };
    for (const reject of this.#waiting) reject(error);
  }

  /** `work`, or the failure of what goes on beside it. Not Promise.race: a promise that lives as long keeps all it raced with. */
  #race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#fatal) reject(this.#fatal.error);
      this.#waiting.add(reject);
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }
}
