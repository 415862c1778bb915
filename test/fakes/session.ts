import { NO_REBOOT } from "@afterpatch/core/plan/reboot";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { Session, type SessionDeps } from "@afterpatch/agent/session/session";
import type { Clock, JournalRecord, Machine } from "@afterpatch/agent/ports";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { planDigest } from "@afterpatch/core/plan/digest";
import type { FromAgent, Permit, ToAgent } from "@afterpatch/core/session";
import { VirtualTime } from "../sim/time.ts";
import { memoryJournal } from "./journal.ts";
import { fakeHost } from "./machine.ts";

export const WELCOME: Extract<ToAgent, { kind: "welcome" }> = {
  kind: "welcome",
  epoch: 3,
  controllerVersion: "0.1.0",
  now: 0,
  reportIntervalMs: 1_800_000,
};
export const STEPS = [{ kind: "restart-service", target: "ssh.service" }];
/** A permit of epoch 3 to restart ssh on h1. */
export const PERMIT: Permit = {
  permitId: "p1",
  rolloutId: "r1",
  hostId: "h1",
  bootId: "boot-1",
  epoch: 3,
  planDigest: planDigest(STEPS, sha256),
  steps: STEPS,
  beginWithinMs: 30_000,
  deadlineMs: 600_000,
  graceMs: 10_000,
  settleMs: 10_000,
  allowNew: false,
  reboot: NO_REBOOT,
};

/** The controller's side of one stream, played by the test. */
export class Stream {
  readonly sent: FromAgent[] = [];
  isClosed = false;
  readonly #inbox: (ToAgent | Error | null)[] = [];
  #wake: () => void = () => {};

  constructor(onSend: (message: FromAgent) => void) {
    this.channel = {
      send: (message: FromAgent) => {
        this.sent.push(message);
        onSend(message);
      },
      incoming: { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) },
      close: () => {
        this.isClosed = true;
      },
    };
  }
  readonly channel;

  say(...messages: readonly ToAgent[]): void {
    this.#push(...messages);
  }

  /** The stream ends, with an error if one is given. */
  end(error: Error | null = null): void {
    this.#push(error);
  }

  kinds(): readonly string[] {
    return this.sent.map((message) => message.kind);
  }

  #push(...items: readonly (ToAgent | Error | null)[]): void {
    this.#inbox.push(...items);
    this.#wake();
  }

  async #next(): Promise<IteratorResult<ToAgent, undefined>> {
    while (this.#inbox.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const item = this.#inbox.shift();
    if (item instanceof Error) throw item;
    return item ? { done: false, value: item } : { done: true, value: undefined };
  }
}

export interface SessionGiven extends Partial<Pick<SessionDeps, "changes" | "schedule" | "probe">> {
  readonly records?: readonly JournalRecord[];
  readonly failAt?: { readonly append: number; readonly when: "before" | "after" };
  /** So many dials are refused before one is answered. */
  readonly refusedDials?: number;
}

/** A host with an old sshd and its agent's session, over virtual time. */
export function sessionOf(given: SessionGiven = {}) {
  const time = new VirtualTime();
  let suspendedMs = 0;
  let longestSleepMs = 0;
  let scanMs = 0;
  const clock: Clock = {
    now: () => time.now(),
    sinceBootMs: () => time.now() - 1_700_000_000_000 + suspendedMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        longestSleepMs = Math.max(longestSleepMs, ms);
        const aborted = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = time.after(ms, () => {
          signal?.removeEventListener("abort", aborted);
          resolve();
        });
        signal?.addEventListener("abort", aborted);
      }),
  };
  const host = fakeHost({ units: [{ name: "ssh.service", isOld: true }] }, clock);
  const { changes, schedule, probe } = given;
  const fake = host.machine();
  const machine: Machine = {
    ...fake,
    async scan(signal) {
      const scan = await fake.scan(signal);
      if (scanMs > 0) await clock.sleep(scanMs, signal);
      return scan;
    },
  };
  const journal = memoryJournal(given);
  const streams: Stream[] = [];
  const dials: number[] = [];
  const epochsAtHello: (number | undefined)[] = [];
  const stop = new AbortController();
  const session = new Session(
    {
      ...{
        hostId: "h1",
        agentVersion: "0.1.0",
        instanceId: "i1",
        machine,
        rules: NO_RULES,
        journal,
        clock,
        sha256,
        reportOf,
      },
      ...(changes ? { changes } : {}),
      ...(schedule ? { schedule } : {}),
      ...(probe ? { probe } : {}),
      lock: () => () => {},
      random: () => 0.5,
      log: { info() {}, warn() {}, error() {} },
      connect: async () => {
        dials.push(time.now());
        if (dials.length <= (given.refusedDials ?? 0)) throw new Error("connection refused");
        const stream = new Stream((message) => {
          if (message.kind === "hello")
            epochsAtHello.push(journal.records().findLast((r) => r.type === "epoch")?.epoch);
        });
        streams.push(stream);
        return stream.channel;
      },
    },
    stop.signal,
  );
  const ended = session.run().then(
    () => "ended",
    (error: unknown) => error,
  );
  /** The machine sleeps, its timers with it. */
  const suspend = (ms: number): void => {
    suspendedMs += ms;
  };
  /** From now on a scan takes so long. */
  const holdScans = (ms: number): void => {
    scanMs = ms;
  };
  const pass = (ms = 0) => time.run(() => false, ms);
  const stream = (n = streams.length): Stream => {
    const found = streams[n - 1];
    if (!found) throw new Error(`no stream ${n}`);
    return found;
  };
  return {
    host,
    journal,
    stream,
    streams,
    dials,
    epochsAtHello,
    stop,
    ended,
    pass,
    suspend,
    holdScans,
    longestSleepMs: () => longestSleepMs,
  };
}

/** The same, welcomed by a controller of epoch 3, its first report sent. */
export async function welcomed(given: SessionGiven = {}, welcome: Partial<typeof WELCOME> = {}) {
  const web = sessionOf(given);
  await web.pass();
  web.stream().say({ ...WELCOME, ...welcome });
  await web.pass(1_000);
  return web;
}

/** What a stream was told of permits that are finished, as often as it was told. */
export function finished(stream: Stream) {
  const updates = stream.sent.flatMap((m) => (m.kind === "permit-update" ? [m.update] : []));
  return updates.filter((update) => update.state === "finished");
}
