import { EMPTY_CHAIN } from "@afterpatch/wire/audit";
import { type AgentApiDeps, hear } from "@afterpatch/controller/api/agent";
import { Fleet } from "@afterpatch/controller/fleet/fleet";
import { Probes } from "@afterpatch/controller/fleet/probes";
import { Scans } from "@afterpatch/controller/fleet/scans";
import type { Clock, Log } from "@afterpatch/controller/ports";
import { RolloutEngine } from "@afterpatch/controller/rollouts/engine";
import { prover } from "@afterpatch/controller/rollouts/prove";
import type { Hosts } from "@afterpatch/controller/store/hosts";
import type { Care } from "@afterpatch/controller/rollouts/chores";
import type { RolloutStore } from "@afterpatch/controller/store/rollout-store";
import type { Holds } from "@afterpatch/core/rollout/holds";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import type { FromAgent, ToAgent } from "@afterpatch/core/session";
import { NO_REPLANS } from "../fakes/controller.ts";
import { Link, type NetworkFaults } from "./network.ts";
import type { VirtualTime } from "./time.ts";

const SILENT: Log = { info() {}, warn() {}, error() {} };

export interface SimControllerOptions {
  readonly time: VirtualTime;
  /** How far the clock of the controller's machine is off. */
  readonly clockOff: () => number;
  readonly random: () => number;
  readonly store: RolloutStore;
  readonly hosts: Hosts;
  readonly epoch: number;
  readonly faults: () => NetworkFaults;
  /** Chance of the process dying at each write to its store, before or after it. */
  readonly crash: () => number;
  /** This run holds the store no more; another may begin. */
  readonly onCrash: () => void;
  /** Chance, at each permit, of losing the store to another run and living on for a while. */
  readonly zombie: () => number;
  /** Carries out hooks and checks. */
  readonly care: Care;
  readonly holds: () => Holds;
  /** A person who watches sees this. */
  readonly onShown: (view: RolloutView) => void;
}

/** So long a controller that lost its store may think that it lives. */
const ZOMBIE_MS = 90_000;

/** One run of the controller: the real engine, fleet and agent API over a store that survives it. */
export class SimController {
  readonly engine: RolloutEngine;
  readonly #deps: AgentApiDeps;
  readonly #options: SimControllerOptions;
  readonly #links = new Set<Link>();
  readonly #fleet: Fleet;
  isOver = false;
  /** Another run holds the store: nothing can be written any more, and this one does not know. */
  #isFenced = false;
  #isListening = false;

  constructor(options: SimControllerOptions) {
    this.#options = options;
    const { epoch, random } = options;
    const hosts = this.#fencedHosts();
    const clock = this.#clock();
    const fleet = new Fleet(clock, options.holds);
    this.#fleet = fleet;
    const randomId = () => `id-${epoch}-${Math.floor(random() * 1e15).toString(36)}`;
    const scans = new Scans(fleet, clock, randomId);
    const probes = new Probes(fleet, clock, randomId);
    const proves = prover(async (hostId, report) => {
      await hosts.saveReport(hostId, report, clock.now());
    });
    this.engine = new RolloutEngine({
      store: this.#mortal(),
      fleet,
      clock,
      randomId,
      epoch,
      proves,
      log: SILENT,
      care: mortalCare(options.care, () => this.isOver),
      replans: NO_REPLANS,
    });
    const rest = { controllerVersion: "0.1.0", reportIntervalMs: 1_800_000, log: SILENT, scanTook: () => undefined };
    const audit = { head: async () => EMPTY_CHAIN };
    this.#deps = { hosts, audit, fleet, scans, probes, engine: this.engine, clock, epoch, ...rest };
  }

  isConnected(hostId: string): boolean {
    return this.#fleet.isConnected(hostId);
  }

  async start(): Promise<void> {
    await this.engine.load();
    for (const { plan } of this.engine.open()) this.engine.watch(plan.id, this.#options.onShown);
    this.#isListening = true;
  }

  /** A new stream of a host; null while nobody listens. */
  accept(hostId: string, onStray: (message: ToAgent) => void): Link | null {
    if (this.isOver || !this.#isListening) return null;
    const { time, random, faults, epoch } = this.#options;
    const link: Link = new Link({
      time,
      random,
      faults,
      onUp: (message) => this.#hear(hostId, link, message),
      onGone: () => this.#gone(hostId, link),
      onStray,
    });
    this.#links.add(link);
    this.#fleet.attach(hostId, link.controllerEnd);
    const welcome = { controllerVersion: "0.1.0", now: this.#clock().now(), reportIntervalMs: 1_800_000 };
    link.controllerEnd.send({ kind: "welcome", epoch, ...welcome });
    return link;
  }

  /** kill -9. */
  crash(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const link of this.#links) link.die();
    if (!this.#isFenced) this.#options.onCrash();
  }

  /** Loses its store to another run, and goes on for a while with its streams and what it has in memory. */
  #fence(): void {
    if (this.isOver || this.#isFenced) return;
    this.#isFenced = true;
    const { time, random, onCrash } = this.#options;
    time.after(random() * ZOMBIE_MS, () => this.crash());
    // Often it lost its store because its machine is being cut off, and its streams go next.
    if (random() < 0.6) for (const link of this.#links) time.after(random() * 1_500, () => link.die());
    onCrash();
  }

  #hear(hostId: string, link: Link, message: FromAgent): void {
    if (this.isOver) return;
    hear(this.#deps, hostId, link.controllerEnd, message).catch((error: unknown) => {
      if (!this.#isFenced) throw error;
      link.cut(); // as the handler of a stream ends it
    });
  }

  #gone(hostId: string, link: Link): void {
    this.#links.delete(link);
    if (this.isOver) return;
    this.#fleet.detach(hostId, link.controllerEnd);
    this.engine.look().catch((error: unknown) => {
      if (!this.#isFenced) throw error;
    });
  }

  #clock(): Clock {
    const { time, clockOff } = this.#options;
    const offAtStart = clockOff();
    return {
      now: () => time.now() + clockOff(),
      steady: () => time.now() + offAtStart,
      after: (ms, fn) =>
        time.after(ms, () => {
          if (!this.isOver) fn();
        }),
    };
  }

  /** The store as a process that may die at any write sees it. */
  #mortal(): RolloutStore {
    const { store, random, crash, zombie } = this.#options;
    const dying = async <T>(write: () => Promise<T>): Promise<T> => {
      if (this.isOver || random() < crash()) return this.#die();
      this.#holdStore();
      const result = await write();
      if (random() < crash()) return this.#die();
      return result;
    };
    return {
      ...store,
      create: async (plan, requestId, events) => {
        const id = await dying(() => store.create(plan, requestId, events));
        this.engine.watch(id, this.#options.onShown);
        return id;
      },
      append: async (id, appended) => {
        const { event } = appended;
        await dying(() => store.append(id, appended));
        // The worst moment of all: the permit is stored and goes out from a controller that is none any more.
        if (event.type === "permitted" && random() < zombie()) this.#fence();
      },
    };
  }

  #fencedHosts(): Hosts {
    const { hosts } = this.#options;
    const held =
      <A extends readonly unknown[], T>(write: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        this.#holdStore();
        return write(...args);
      };
    return {
      ...hosts,
      saveReport: held(hosts.saveReport),
      saveScanFailure: held(hosts.saveScanFailure),
      saveAgentVersion: held(hosts.saveAgentVersion),
    };
  }

  #holdStore(): void {
    if (this.#isFenced) throw new Error("the store is held by another controller");
  }

  #die(): Promise<never> {
    this.crash();
    return new Promise(() => {}); // a dead process goes no further
  }
}

/** What a dead process has begun ends, and nobody hears of it. */
function mortalCare(care: Care, isOver: () => boolean): Care {
  return {
    carryOut: async (task, signal) => {
      const result = await care.carryOut(task, signal);
      return isOver() ? new Promise(() => {}) : result;
    },
  };
}
