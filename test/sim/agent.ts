import type { Clock, Journal, JournalRecord, Machine } from "@afterpatch/agent/ports";
import type { Channel } from "@afterpatch/agent/session/channel";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { Session } from "@afterpatch/agent/session/session";
import { NO_RULES, type Veto } from "@afterpatch/agent/vetoes/rules";
import { planOf, type RebootChoice } from "@afterpatch/core/plan/plan";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { type MemoryJournal, memoryJournal } from "../fakes/journal.ts";
import { type FakeHost, type FakeHostOptions, fakeHost } from "../fakes/machine.ts";
import type { Running } from "./chronicle.ts";
import type { VirtualTime } from "./time.ts";

/** Sees what truly happens on a host. */
export interface Witness {
  /** `op`: the permit of the intent that is on the host's disk and open; null: there is none. */
  effect(hostId: string, effect: string, op: string | null): void;
  /** The host went down, or is back. `isOurs`: by a reboot of ours. */
  down(hostId: string, isOurs: boolean): void;
  up(hostId: string): void;
  /** This record is on the host's disk now. */
  recorded(hostId: string, record: JournalRecord): void;
}

export interface SimAgentOptions {
  readonly hostId: string;
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly machine: FakeHostOptions;
  /** Chance of the process dying at each write to its journal and at each effect. */
  readonly crash: () => number;
  /** What the host has against this step, or against anything where it is null. */
  readonly veto: (step: StepRef | null) => Veto | null;
  readonly dial: (agent: SimAgent) => Promise<Channel>;
  readonly witness: Witness;
  /** What a reboot of ours comes to. */
  readonly boot: () => Boot;
}

/** How a reboot goes. */
export interface Boot {
  /** From the order to the init system until the host is down. */
  readonly dyingMs: number;
  /** Null: it never comes back. */
  readonly downMs: number | null;
  /** Goes down once more so long after it is back; null: it does not. */
  readonly againAfterMs: number | null;
}

/** A host with its agent: the real session, orders and executor over a host and a journal that survive its crashes. */
export class SimAgent {
  readonly hostId: string;
  readonly host: FakeHost;
  readonly #options: SimAgentOptions;
  readonly #hostClock: Clock;
  #journal: MemoryJournal = memoryJournal();
  #life: { isOver: boolean; readonly stop: AbortController } | null = null;
  #bootedAt: number;
  #channel: Channel | null = null;
  #isDown = false;
  #starts = 0;

  constructor(options: SimAgentOptions) {
    this.hostId = options.hostId;
    this.#options = options;
    this.#bootedAt = options.time.now() - 3_600_000;
    this.#hostClock = this.#clock({ isOver: false });
    this.host = fakeHost({ ...options.machine, name: options.hostId }, this.#hostClock);
  }

  start(): void {
    const life = { isOver: false, stop: new AbortController() };
    this.#life = life;
    const clock = this.#clock(life);
    const session = new Session(
      {
        hostId: this.hostId,
        agentVersion: "0.1.0",
        instanceId: `${this.hostId}-${++this.#starts}`,
        machine: this.#machine(life),
        rules: { ...NO_RULES, veto: async (step) => this.#options.veto(step) },
        journal: this.#mortal(life, this.#journal),
        clock,
        sha256,
        reportOf,
        lock: () => () => {},
        random: this.#options.random,
        connect: async () => {
          const channel = await alive(life, this.#options.dial(this));
          this.#channel = channel;
          return channel;
        },
        log: { info() {}, warn() {}, error() {} },
      },
      life.stop.signal,
    );
    session.run().catch(() => {}); // it ends by our crashes only; what it leaves behind is what the invariants look at
  }

  /** What a scan of this moment would plan. */
  async planned(choice?: RebootChoice): Promise<readonly StepRef[]> {
    const scan = await this.host.machine().scan(new AbortController().signal);
    return planOf(scan, [], choice).steps.map((step) => step.remedy);
  }

  /** The truth, whatever anybody believes. */
  async running(): Promise<Running> {
    const { bootId, release } = this.host.reboots.identity();
    const left = await this.planned({ mode: "when-required", sessionsFirst: false });
    return { bootId, release, left: left.map(({ kind, target }) => `${kind}:${target}`) };
  }

  /** kill -9. Everything that is not in the journal or on the host is gone. */
  crash(restartInMs: number): void {
    if (!this.#life) return;
    this.#life.isOver = true;
    this.#life.stop.abort();
    this.#life = null;
    this.#channel?.close();
    this.#journal = this.#journal.crash();
    this.#options.time.after(restartInMs, () => {
      if (!this.#life && !this.#isDown) this.start();
    });
  }

  /** Somebody reboots the host behind our back. */
  reboot(downMs: number): void {
    this.#goDown(downMs, false);
  }

  #goDown(downMs: number | null, isOurs: boolean, isSoft = false): void {
    if (this.#isDown) return;
    const { time, witness } = this.#options;
    this.#isDown = true;
    this.crash(downMs ?? 0);
    this.host.reboot(isSoft);
    witness.down(this.hostId, isOurs);
    if (downMs === null) return;
    time.after(downMs, () => {
      this.#isDown = false;
      if (!isSoft) this.#bootedAt = time.now();
      witness.up(this.hostId);
      if (!this.#life) this.start();
    });
  }

  #clock(life: { readonly isOver: boolean }): Clock {
    const { time } = this.#options;
    return {
      now: () => time.now(),
      sinceBootMs: () => time.now() - this.#bootedAt,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const cancel = time.after(ms, () => {
            if (!life.isOver) resolve();
          });
          signal?.addEventListener("abort", () => {
            cancel();
            if (!life.isOver) reject(signal.reason);
          });
        }),
    };
  }

  /** The host seen by one process: effects take time, and a dead process has none. */
  #machine(life: { isOver: boolean }): Machine {
    const { time, random, crash, witness } = this.#options;
    const machine = this.host.machine();
    const takes = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        time.after(ms, () => {
          if (!life.isOver) resolve();
        });
      });
    return {
      ...machine,
      scan: async (signal) => {
        await takes(200 + random() * 800);
        return machine.scan(signal);
      },
      happened: (step, before, graceMs, signal) =>
        step.kind === "reboot" && this.host.reboots.isGoingDown
          ? never()
          : machine.happened(step, before, graceMs, signal),
      perform: async (step, before, options) => {
        await takes(random() * 3_000);
        if (random() < crash()) return this.#die(life);
        const isBooted = step.kind === "reboot" && this.host.reboots.command === undefined;
        if (isBooted) return this.#boot(life, options.reboot?.method === "soft-reboot");
        const done = this.host.effects.length;
        const performed = await machine.perform(step, before, options);
        for (const effect of this.host.effects.slice(done)) witness.effect(this.hostId, effect, this.#intended(effect));
        if (random() < crash()) return this.#die(life);
        await takes(random() * 2_000);
        return performed;
      },
    };
  }

  /** By which permit the host has written down that it is about to do this. */
  #intended(effect: string): string | null {
    const records = this.#journal.records();
    const isOf = (step: StepRef) => `${step.kind}:${step.target}` === effect;
    const place = records.findLastIndex((record) => record.type === "intent" && isOf(record.step));
    const intent = records[place];
    if (intent?.type !== "intent") return null;
    const isOver = records
      .slice(place)
      .some((one) => one.type === "outcome" && one.op === intent.op && isOf(one.result));
    return isOver ? null : intent.op;
  }

  /** The init system was told. It goes on with that whether this process lives or not. */
  #boot(life: { isOver: boolean }, isSoft: boolean): Promise<never> {
    const { time, random, crash, witness, boot } = this.#options;
    const { dyingMs, downMs, againAfterMs } = boot();
    const { reboots } = this.host;
    const before = reboots.boot;
    reboots.isGoingDown = true;
    witness.effect(this.hostId, "reboot:host", this.#intended("reboot:host"));
    time.after(dyingMs, () => {
      if (reboots.isGoingDown && reboots.boot === before) this.#goDown(downMs, true, isSoft);
    });
    if (downMs !== null && againAfterMs !== null) {
      time.after(dyingMs + downMs + againAfterMs, () => this.#goDown(downMs, false));
    }
    return random() < crash() ? this.#die(life) : never();
  }

  #mortal(life: { isOver: boolean }, journal: Journal): Journal {
    const { random, crash, witness } = this.#options;
    return {
      records: () => journal.records(),
      append: async (record) => {
        if (life.isOver || random() < crash()) return this.#die(life);
        await journal.append(record);
        witness.recorded(this.hostId, record);
        if (random() < crash()) return this.#die(life);
      },
    };
  }

  #die(life: { isOver: boolean }): Promise<never> {
    if (!life.isOver) this.crash(1_000 + this.#options.random() * 20_000);
    return never(); // a dead process goes no further
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** What a dead process waits for never comes. */
async function alive<T>(life: { readonly isOver: boolean }, work: Promise<T>): Promise<T> {
  try {
    const value = await work;
    return life.isOver ? await never() : value;
  } catch (error) {
    if (life.isOver) return never();
    throw error;
  }
}
