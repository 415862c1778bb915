import type { Care } from "@afterpatch/controller/rollouts/chores";
import { type Holds, NO_HOLDS } from "@afterpatch/core/rollout/holds";
import { NO_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import type { Channel } from "@afterpatch/agent/session/channel";
import { sha256 } from "@afterpatch/agent/session/report";
import type { Veto } from "@afterpatch/agent/vetoes/rules";
import { type Hosts, hosts as hostsIn } from "@afterpatch/controller/store/hosts";
import type { RolloutStore } from "@afterpatch/controller/store/rollout-store";
import { rollouts } from "@afterpatch/controller/store/rollouts";
import { beginEpoch } from "@afterpatch/controller/store/settings";
import { type Connection, createDatabase } from "@afterpatch/controller/store/sqlite";
import { planDigest } from "@afterpatch/core/plan/digest";
import type { RolloutHostPlan, RolloutPlan, RolloutShape, RolloutView, StepRef } from "@afterpatch/core/rollout/types";
import { enrol, NO_CARE } from "../fakes/controller.ts";
import type { FakeHostOptions } from "../fakes/machine.ts";
import { type Boot, SimAgent } from "./agent.ts";
import { SimController } from "./controller.ts";
import { Chronicle } from "./chronicle.ts";
import type { Link, NetworkFaults } from "./network.ts";
import { VirtualTime } from "./time.ts";

export interface Faults extends NetworkFaults {
  /** Chance of the controller dying at each write. */
  readonly controllerCrash: number;
  /** Chance of an agent dying at each write and effect. */
  readonly agentCrash: number;
  /** Chance, at each permit, that the controller loses its store and lives on for a while. */
  readonly zombie: number;
}

export interface SimOrder {
  readonly ramp: readonly number[];
  readonly maxFail: number;
  /** Absent: none. */
  readonly reboot?: RebootOrder;
  /** Absent: all. */
  readonly hosts?: readonly string[];
  /** Absent: one wave by `ramp`. */
  readonly shape?: RolloutShape;
}

export const CALM: Faults = {
  ...{ loss: 0, repeat: 0, cut: 0, slowestMs: 50, stray: 0 },
  ...{ controllerCrash: 0, agentCrash: 0, zombie: 0 },
};

/** A fleet, its controller and the network between them, all on one virtual clock and one seed. */
export class World {
  readonly time = new VirtualTime();
  readonly random: () => number;
  readonly agents: SimAgent[] = [];
  readonly chronicle = new Chronicle(
    () => this.time.now(),
    async (hostId) => (await this.agents.find((agent) => agent.hostId === hostId)?.running()) ?? null,
  );
  readonly #links = new Map<string, Link>();
  #zombies: readonly SimController[] = [];
  /** How far the clock of the controller's machine is off; agents do not care. */
  clockOff = 0;
  wasClockStepped = false;
  readonly store: RolloutStore;
  readonly #hosts: Hosts;
  readonly #db: Connection;
  faults: Faults = CALM;
  /** What a host's own rules have against a step just now, or against anything where it is null. */
  veto: (hostId: string, step: StepRef | null) => Veto | null = () => null;
  controller: SimController | null = null;
  controllerRuns = 0;
  /** Hosts whose agents claim success whatever came of it; what they say of the host is true. */
  readonly liars = new Set<string>();
  /** How a reboot of this host goes. */
  boot: (hostId: string) => Boot = () => ({ dyingMs: 2_000, downMs: 60_000, againAfterMs: null });
  /** The host that the controller runs on, where it is one of the fleet. */
  controllerOn: string | null = null;
  /** Hooks and checks of the controller. */
  care: Care = NO_CARE;
  /** Hosts for which two machines speak. */
  readonly twins = new Set<string>();
  /** Hosts that do not reach the controller. */
  readonly apart = new Set<string>();
  /** What people hold back. */
  holds: Holds = NO_HOLDS;
  /** Called with each view that a person who watches is shown. */
  onShown: (view: RolloutView) => void = () => {};
  #isPowered = true;
  #starts = 0;

  constructor(random: () => number) {
    this.random = random;
    this.chronicle.onPower = (hostId, isDown) => {
      if (hostId === this.controllerOn) this.#power(isDown);
    };
    this.#db = createDatabase(":memory:");
    this.store = this.chronicle.of(rollouts(this.#db));
    this.#hosts = hostsIn(this.#db);
  }

  async enrol(machines: readonly FakeHostOptions[]): Promise<void> {
    const names = machines.map((_, index) => `host-${index + 1}`);
    await enrol(this.#db, names, this.time.now());
    for (const [index, machine] of machines.entries()) this.agents.push(this.#agent(names[index] ?? "", machine));
  }

  async startController(): Promise<void> {
    this.controllerRuns += 1;
    const controller: SimController = new SimController({
      time: this.time,
      clockOff: () => this.clockOff,
      random: this.random,
      store: this.store,
      hosts: this.#hosts,
      epoch: beginEpoch(this.#db, this.time.now()),
      faults: () => this.faults,
      crash: () => this.faults.controllerCrash,
      zombie: () => this.faults.zombie,
      care: { carryOut: (task, signal) => this.care.carryOut(task, signal) },
      holds: () => this.holds,
      onShown: (view) => this.onShown(view),
      onCrash: () => {
        this.controller = null;
        this.#zombies = [...this.#zombies.filter((one) => !one.isOver), controller];
        this.#startSoon();
      },
    });
    this.controller = controller;
    await controller.start();
  }

  /** The machine of the controller goes down, with all that runs on it, or is back. */
  #power(isDown: boolean): void {
    this.#isPowered = !isDown;
    for (const one of isDown ? [...this.#zombies, this.controller] : []) one?.crash();
    if (!isDown) this.#startSoon();
  }

  #startSoon(): void {
    const start = ++this.#starts;
    this.time.after(1_000 + this.random() * 30_000, () => {
      if (start === this.#starts && this.#isPowered) void this.startController();
    });
  }

  /** The plan that the fleet's scans give now, as an operator would start it. */
  async plan(id: string, order: SimOrder): Promise<RolloutPlan> {
    const { ramp, maxFail, reboot = NO_REBOOT, hosts: ids = this.agents.map(({ hostId }) => hostId) } = order;
    const agents = this.agents.filter(({ hostId }) => ids.includes(hostId));
    return {
      id,
      name: id,
      reason: "simulated",
      actor: "sim",
      createdAt: this.time.now() + this.clockOff,
      pattern: "all",
      ...{ ramp, maxFail, reboot },
      ...(order.shape ? { shape: order.shape } : {}),
      allowNew: false,
      digest: "sim",
      hosts: await Promise.all(agents.map((agent) => this.#planned(agent, reboot))),
      uncovered: [],
      timing: {
        beginWithinMs: 60_000,
        deadlineMs: 600_000,
        unreachableAfterMs: 120_000,
        graceMs: 10_000,
        settleMs: 10_000,
      },
    };
  }

  async #planned(agent: SimAgent, reboot: RebootOrder): Promise<RolloutHostPlan> {
    const { hostId, host } = agent;
    const steps = await agent.planned(reboot);
    const { release: runningKernel } = host.reboots.identity();
    const about = { residue: [], runningKernel, expectedKernel: host.reboots.expected };
    const holdsController = hostId === this.controllerOn;
    return { hostId, name: hostId, digest: planDigest(steps, sha256), steps, ...about, holdsController };
  }

  /** Asks the controller to start until one has stored it: an operator's client tries again when it is cut off. */
  async start(plan: RolloutPlan): Promise<void> {
    const isStored = async () => (await this.store.byRequest(`request-${plan.id}`)) !== null;
    for (let attempt = 0; attempt < 200 && !(await isStored()); attempt += 1) {
      const started = this.controller?.engine.start(plan, `request-${plan.id}`);
      let isDone = false;
      const settle = () => {
        isDone = true;
      };
      started?.then(settle, settle);
      const cancel = this.time.after(40_000, settle); // time passes only to what is awaited
      await this.time.run(() => isDone, 40_000);
      cancel();
    }
    if (!(await isStored())) throw new Error("the rollout could not be started");
  }

  async view(id: string): Promise<RolloutView | null> {
    return (await this.controller?.engine.view(id)) ?? null;
  }

  /** Who answers at the controller's address: now and then one that should be no more. */
  #answering(): SimController | null {
    const zombie = this.#zombies.find((one) => !one.isOver);
    return zombie && this.random() < 0.4 ? zombie : this.controller;
  }

  /** Another machine with the identity of this host: a clone of its disk that came up beside it. */
  twin(hostId: string, machine: FakeHostOptions): SimAgent {
    const twin = this.#agent(hostId, machine);
    twin.start();
    return twin;
  }

  /** The host's stream breaks, and it connects anew. */
  cut(hostId: string): void {
    this.#links.get(hostId)?.cut();
  }

  /** Rollouts that were asked for and have begun are taken up by nobody else: one person's request. */
  async request(plan: RolloutPlan): Promise<void> {
    await this.controller?.engine.start(plan, `request-${plan.id}`);
  }

  close(): void {
    this.#db.close();
  }

  #agent(hostId: string, machine: FakeHostOptions): SimAgent {
    return new SimAgent({
      hostId,
      time: this.time,
      random: this.random,
      machine,
      crash: () => this.faults.agentCrash,
      veto: (step) => this.veto(hostId, step),
      boot: () => this.boot(hostId),
      dial: async () => {
        await new Promise<void>((resolve) => this.time.after(1 + this.random() * this.faults.slowestMs, resolve));
        if (this.apart.has(hostId)) throw new Error("no route to host");
        const link = this.#answering()?.accept(hostId, (message) => this.#links.get(hostId)?.arrive(message));
        if (!link) throw new Error("connection refused");
        this.#links.set(hostId, link);
        return this.liars.has(hostId) ? boastful(link.agentEnd) : link.agentEnd;
      },
      witness: this.chronicle,
    });
  }
}

/** The agent of a host that claims success whenever it has a scan to show. */
function boastful(channel: Channel): Channel {
  return {
    ...channel,
    send: (message) => {
      const isFailed = message.kind === "permit-update" && message.update.state === "finished";
      if (!isFailed || message.update.outcome.proof === null) return channel.send(message);
      const outcome = { ...message.update.outcome, result: "verified", code: "", message: "" } as const;
      channel.send({ ...message, update: { ...message.update, outcome } });
    },
  };
}
