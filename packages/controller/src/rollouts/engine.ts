import { afterChore, type ChoreResult } from "@afterpatch/core/rollout/chores";
import { follow } from "@afterpatch/core/rollout/fold";
import { type Decision, type FleetView, next } from "@afterpatch/core/rollout/next";
import { isHostRebooted } from "@afterpatch/core/rollout/reboots";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import type { PermitUpdate } from "@afterpatch/core/session";
import type { Fleet } from "../fleet/fleet.ts";
import type { Clock, Log, RandomId } from "../ports.ts";
import type { RolloutStore } from "../store/rollout-store.ts";
import { beyond } from "./beyond.ts";
import type { ChargeRegister } from "./charge-register.ts";
import { type Care, Chores, type ChoreTask } from "./chores.ts";
import { eventOf, lostPermit, type Proves } from "./events.ts";
import { takeNews } from "./news.ts";
import { heldBy, RolloutError, refuseHeldHosts } from "./held.ts";
import { OpenRollouts } from "./open-rollouts.ts";
import { permitOf } from "./permit.ts";
import type { PersonsOrder } from "./orders.ts";
import { type WrittenOff, type WrittenOffHost, writeOff } from "./write-off.ts";
import { Queue, type Replans } from "./queue.ts";

export interface EngineDeps {
  readonly store: RolloutStore;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly randomId: RandomId;
  /** Fencing epoch of this run of the controller. */
  readonly epoch: number;
  readonly proves: Proves;
  readonly care: Care;
  readonly replans: Replans;
  readonly log: Log;
}

/** How long after a look that failed, for the store did, the next one comes; and the longest sleep of all. */
const LOOK_AGAIN_MS = 10_000;
const LONGEST_SLEEP_MS = 60_000;

/**
 * Runs the open rollouts of this controller: `next()` decides, every decision is an event in the store before it has an
 * effect. All work is one queue: no two changes of rollouts overlap.
 */
export class RolloutEngine {
  readonly #deps: EngineDeps;
  readonly #rollouts: OpenRollouts;
  readonly #chores: Chores;
  readonly #queue: Queue;
  #tail: Promise<unknown> = Promise.resolve();
  #cancelWake: () => void = () => {};
  #isStopped = false;
  /** When a permit with a reboot was issued last, as far as this run knows. */
  #rebootPermittedAt: number | null = null;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#rollouts = new OpenRollouts(deps.store, deps.log);
    this.#queue = new Queue({
      ...{ replans: deps.replans, rollouts: this.#rollouts, clock: deps.clock, log: deps.log },
      amid: (change) => this.amid(async () => (this.#isStopped ? undefined : change())),
    });
    this.#chores = new Chores(deps.care, (task, result, release) => this.#choreEnded(task, result, release));
  }

  /** Takes up the rollouts that have not ended, before any agent or operator is let in. */
  async load(): Promise<void> {
    const steadyAt = this.#deps.clock.steady();
    await this.#rollouts.load(steadyAt);
    // The run before may have issued one in its last moment, by a clock that was another.
    this.#rebootPermittedAt = steadyAt;
    await this.look();
  }

  /** Nothing is decided any more; what is under way in the store is waited for. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#chores.stop();
    await this.#tail;
    this.#cancelWake(); // also of a look that was under way
  }

  /**
   * Stores a rollout and begins. A repeated request returns what the first one made. `isPatient`: where its hosts are held
   * it begins when they are free; else it is refused.
   */
  start(plan: RolloutPlan, requestId: string, isPatient = false): Promise<RolloutView> {
    return this.#queued(async () => {
      const known = await this.#deps.store.byRequest(requestId);
      if (known !== null) return this.view(known);
      const isWaiting = isPatient && heldBy(this.#rollouts.all(), plan) !== null;
      if (!isWaiting) refuseHeldHosts(this.#rollouts.all(), plan);
      const started: RolloutEvent = { type: "started", at: this.#deps.clock.now() };
      await this.#rollouts.create(plan, requestId, isWaiting ? [] : [started]);
      await this.#look();
      return this.view(plan.id);
    });
  }

  /** Carries out what a person orders of an open rollout. Rejects with RolloutError where it cannot be. */
  order(rolloutId: string, order: PersonsOrder): Promise<RolloutView> {
    return this.#queued(async () => {
      const view = this.#rollouts.get(rolloutId);
      if (!view) {
        const ended = await this.view(rolloutId);
        throw new RolloutError("already-ended", `rollout ${rolloutId} has already ended: ${ended.state}`);
      }
      const event = order(view, this.#deps.clock.now());
      if (event === null) return this.view(rolloutId);
      const after = follow(view, event);
      if (after.kind === "refused") {
        throw new RolloutError("wrong-state", after.why);
      }
      await this.#rollouts.append(view, event);
      await this.#look();
      return this.view(rolloutId);
    });
  }

  /**
   * A host connected and listed its permits: what it does not list was never begun and never will be. `greet` marks it
   * connected; it is called inside the queue, so that no permit is issued between the host's word and our reading of it.
   */
  hello(hostId: string, greet: () => boolean, permits: readonly PermitUpdate[]): Promise<void> {
    return this.#queued(async () => {
      if (!greet()) return;
      for (const update of permits) await takeNews(this.#rollouts, this.#deps, hostId, update);
      for (const view of this.#rollouts.all()) {
        const event = lostPermit(view, hostId, permits, this.#deps.clock.now());
        if (event) await this.#rollouts.append(view, event);
      }
      await this.#look();
    });
  }

  /** News of a permit. A finished one is acknowledged once it is stored, or when nobody waits for it any more. */
  update(hostId: string, update: PermitUpdate): Promise<void> {
    return this.#queued(async () => {
      await takeNews(this.#rollouts, this.#deps, hostId, update);
      await this.#look();
    });
  }

  /** Changes what rollouts look at, with no permit issued in between, and looks at all of them. */
  amid<T>(change: () => Promise<T>): Promise<T> {
    return this.#queued(async () => {
      const changed = await change();
      await this.#look();
      return changed;
    });
  }

  /** Charges a host to no budget any more. Rejects with RolloutError where it is in hand, or nothing is charged for it. */
  writeOff(host: WrittenOffHost): Promise<WrittenOff> {
    return this.#queued(async () => {
      const written = await writeOff(host, {
        ...{ deps: this.#deps, open: this.#rollouts.all(), register: this.#rollouts.register },
        append: (view, event) => this.#rollouts.append(view, event),
      });
      await this.#look();
      return written;
    });
  }

  /** Hosts that are charged though nobody has them in hand, and those written off. */
  register(): Pick<ChargeRegister, "charges" | "writeOffs"> {
    return this.#rollouts.register;
  }

  /** Looks at all open rollouts: called when a host came or went, and by the engine's own timer. */
  look(): Promise<void> {
    return this.#queued(() => this.#look());
  }

  /** Rejects with RolloutError `not-found`. */
  view(rolloutId: string): Promise<RolloutView> {
    return this.#rollouts.view(rolloutId);
  }

  /** Rollouts that have not ended, oldest first, each with what it waits for. */
  open(): readonly RolloutView[] {
    return this.#rollouts.explained();
  }

  /** What a request made when it was first heard, or null. */
  byRequest(requestId: string): Promise<RolloutView | null> {
    return this.#rollouts.byRequest(requestId);
  }

  /** Newest first. */
  recent(limit: number): Promise<readonly RolloutView[]> {
    return this.#rollouts.recent(limit);
  }

  /** Calls `watcher` after each change until the returned function is called. */
  watch(rolloutId: string, watcher: (view: RolloutView) => void): () => void {
    return this.#rollouts.watch(rolloutId, watcher);
  }

  #queued<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(work);
    this.#tail = run.catch(() => {}); // the caller of this piece of work sees its error; the queue goes on
    return run;
  }

  async #look(): Promise<void> {
    if (this.#isStopped) return;
    this.#cancelWake();
    this.#wakeIn(LOOK_AGAIN_MS); // holds only when this look fails
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const id of this.#rollouts.ids()) {
      const at = await this.#advance(id);
      if (at !== null) wakeAt = Math.min(wakeAt, at);
    }
    this.#cancelWake();
    if (Number.isFinite(wakeAt)) {
      this.#wakeIn(Math.min(Math.max(wakeAt - this.#deps.clock.steady(), 0), LONGEST_SLEEP_MS));
    }
  }

  #wakeIn(ms: number): void {
    this.#cancelWake();
    this.#cancelWake = this.#deps.clock.after(ms, () => {
      this.look().catch((err: unknown) => this.#deps.log.error({ err }, "rollouts not advanced"));
    });
  }

  /** Carries out what `next` decides until it decides nothing more; returns when to look again. */
  async #advance(rolloutId: string): Promise<number | null> {
    for (;;) {
      const view = this.#rollouts.get(rolloutId);
      if (!view) return null;
      if (view.state === "planned") return this.#queue.look(view);
      const { decisions, waits, wakeAt } = next(view, this.fleetFor(rolloutId), this.#deps.clock.steady());
      if (decisions.length === 0) {
        this.#rollouts.wait(view, waits);
        this.#chores.follow(view);
        return wakeAt;
      }
      for (const decision of decisions) await this.#carryOut(rolloutId, decision);
    }
  }

  /** All that is decided by about the hosts of a rollout. */
  fleetFor(rolloutId: string): FleetView {
    const rebootPermittedAt = this.#rebootPermittedAt;
    const wall = this.#deps.clock.now();
    return {
      ...this.#deps.fleet.view(),
      wall,
      ...beyond(this.#rollouts.all(), rolloutId, this.#rollouts.register.charged()),
      rebootPermittedAt,
      writtenOff: this.#rollouts.register.writtenOff(),
    };
  }

  async #choreEnded(task: ChoreTask, result: ChoreResult, release: () => void): Promise<void> {
    const { rolloutId, host, phase } = task;
    const { clock, log } = this.#deps;
    try {
      await this.#queued(async () => {
        release();
        const view = this.#rollouts.get(rolloutId);
        if (!view || this.#isStopped) return;
        const now = { at: clock.now(), steadyAt: clock.steady() };
        const event = afterChore(view, host.hostId, phase, result, now);
        if (event) await this.#rollouts.append(view, event);
        await this.#look();
      });
    } catch (err) {
      log.error({ err, rollout: rolloutId, host: host.hostId, phase }, "end of a chore not stored"); // it is done again
    }
  }

  async #carryOut(rolloutId: string, decision: Decision): Promise<void> {
    const view = this.#rollouts.get(rolloutId);
    if (!view) return;
    const { clock, randomId, epoch, fleet } = this.#deps;
    if (decision.kind === "ask-again") {
      fleet.reset(decision.hostId, "a permit was not begun in time: connect and say where it stands");
      return;
    }
    const [at, steadyAt] = [clock.now(), clock.steady()];
    const event = eventOf(decision, { at, steadyAt, epoch, permitId: randomId(), view });
    if (event.type === "permitted" && isHostRebooted(view.plan, event.hostId)) this.#rebootPermittedAt = steadyAt;
    const after = await this.#rollouts.append(view, event);
    if (event.type === "permitted") fleet.send(event.hostId, { kind: "permit", permit: permitOf(after, event) });
  }
}
