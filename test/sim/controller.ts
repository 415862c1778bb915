import { type AgentApiDeps, hear } from "@afterpatch/controller/api/agent";
import { Fleet } from "@afterpatch/controller/fleet/fleet";
import { Scans } from "@afterpatch/controller/fleet/scans";
import type { Clock, Log } from "@afterpatch/controller/ports";
import { RolloutEngine } from "@afterpatch/controller/rollouts/engine";
import { prover } from "@afterpatch/controller/rollouts/prove";
import type { Hosts } from "@afterpatch/controller/store/hosts";
import type { RolloutStore } from "@afterpatch/controller/store/rollout-store";
import type { FromAgent } from "@afterpatch/core/session";
import { Link, type NetworkFaults } from "./network.ts";
import type { VirtualTime } from "./time.ts";

const SILENT: Log = { info() {}, warn() {}, error() {} };

export interface SimControllerOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly store: RolloutStore;
  readonly hosts: Hosts;
  readonly epoch: number;
  readonly faults: () => NetworkFaults;
  /** Chance of the process dying at each write to its store, before or after it. */
  readonly crash: () => number;
  readonly onCrash: () => void;
}

/** One run of the controller: the real engine, fleet and agent API over a store that survives it. */
export class SimController {
  readonly engine: RolloutEngine;
  readonly #deps: AgentApiDeps;
  readonly #options: SimControllerOptions;
  readonly #links = new Set<Link>();
  readonly #fleet: Fleet;
  isOver = false;
  #isListening = false;

  constructor(options: SimControllerOptions) {
    this.#options = options;
    const { hosts, epoch, random } = options;
    const clock = this.#clock();
    const fleet = new Fleet(clock);
    this.#fleet = fleet;
    const randomId = () => `id-${epoch}-${Math.floor(random() * 1e15).toString(36)}`;
    const scans = new Scans(fleet, clock, randomId);
    const proves = prover(async (hostId, report) => {
      await hosts.saveReport(hostId, report, clock.now());
    });
    this.engine = new RolloutEngine({ store: this.#mortal(), fleet, clock, randomId, epoch, proves, log: SILENT });
    const rest = { controllerVersion: "0.1.0", reportIntervalMs: 1_800_000, log: SILENT };
    this.#deps = { hosts, fleet, scans, engine: this.engine, clock, epoch, ...rest };
  }

  async start(): Promise<void> {
    await this.engine.load();
    this.#isListening = true;
  }

  /** A new stream of a host; null while nobody listens. */
  accept(hostId: string): Link | null {
    if (this.isOver || !this.#isListening) return null;
    const { time, random, faults, epoch } = this.#options;
    const link: Link = new Link({
      time,
      random,
      faults,
      onUp: (message) => this.#hear(hostId, link, message),
      onGone: () => this.#gone(hostId, link),
    });
    this.#links.add(link);
    this.#fleet.attach(hostId, link.controllerEnd);
    const welcome = { controllerVersion: "0.1.0", now: time.now(), reportIntervalMs: 1_800_000 };
    link.controllerEnd.send({ kind: "welcome", epoch, ...welcome });
    return link;
  }

  /** kill -9. */
  crash(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const link of this.#links) link.cut();
    this.#options.onCrash();
  }

  #hear(hostId: string, link: Link, message: FromAgent): void {
    if (this.isOver) return;
    hear(this.#deps, hostId, link.controllerEnd, message).catch((error: unknown) => {
      if (!this.isOver) throw error;
    });
  }

  #gone(hostId: string, link: Link): void {
    this.#links.delete(link);
    if (this.isOver) return;
    this.#fleet.detach(hostId, link.controllerEnd);
    void this.engine.look(); // rejects only when the store does, and this store does not
  }

  #clock(): Clock {
    const { time } = this.#options;
    return {
      now: () => time.now(),
      after: (ms, fn) =>
        time.after(ms, () => {
          if (!this.isOver) fn();
        }),
    };
  }

  /** The store as a process that may die at any write sees it. */
  #mortal(): RolloutStore {
    const { store, random, crash } = this.#options;
    const dying = async <T>(write: () => Promise<T>): Promise<T> => {
      if (this.isOver || random() < crash()) return this.#die();
      const result = await write();
      if (random() < crash()) return this.#die();
      return result;
    };
    return {
      ...store,
      create: (plan, requestId, events) => dying(() => store.create(plan, requestId, events)),
      append: (id, version, event, isClosing) => dying(() => store.append(id, version, event, isClosing)),
    };
  }

  #die(): Promise<never> {
    this.crash();
    return new Promise(() => {}); // a dead process goes no further
  }
}
