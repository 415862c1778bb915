import type { Clock, Journal, JournalRecord, Machine } from "@afterpatch/agent/ports";
import type { Channel } from "@afterpatch/agent/session/channel";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { Session } from "@afterpatch/agent/session/session";
import { NO_RULES, type Veto } from "@afterpatch/agent/vetoes/rules";
import { planOf } from "@afterpatch/core/plan/plan";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { type MemoryJournal, memoryJournal } from "../fakes/journal.ts";
import { type FakeHost, type FakeHostOptions, fakeHost } from "../fakes/machine.ts";
import type { VirtualTime } from "./time.ts";

/** Sees what truly happens on a host. */
export interface Witness {
  effect(hostId: string, effect: string): void;
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
  async planned(): Promise<readonly StepRef[]> {
    const scan = await this.host.machine().scan(new AbortController().signal);
    return planOf(scan).steps.map((step) => step.remedy);
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
      if (!this.#life) this.start();
    });
  }

  /** Somebody reboots the host behind our back. */
  reboot(downMs: number): void {
    this.crash(downMs);
    this.host.reboot();
    this.#bootedAt = this.#options.time.now();
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
      perform: async (step, before, options) => {
        await takes(random() * 3_000);
        if (random() < crash()) return this.#die(life);
        const done = this.host.effects.length;
        const performed = await machine.perform(step, before, options);
        for (const effect of this.host.effects.slice(done)) witness.effect(this.hostId, effect);
        if (random() < crash()) return this.#die(life);
        await takes(random() * 2_000);
        return performed;
      },
    };
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
    return new Promise(() => {}); // a dead process goes no further
  }
}

/** What a dead process waits for never comes. */
async function alive<T>(life: { readonly isOver: boolean }, work: Promise<T>): Promise<T> {
  try {
    const value = await work;
    return life.isOver ? await new Promise<never>(() => {}) : value;
  } catch (error) {
    if (life.isOver) return new Promise<never>(() => {});
    throw error;
  }
}
