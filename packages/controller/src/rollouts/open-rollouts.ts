import { chargeChange } from "@afterpatch/core/rollout/charges";
import { follow, planned } from "@afterpatch/core/rollout/fold";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import { echoed } from "@afterpatch/core/text";
import type { Log } from "../ports.ts";
import type { RolloutStore } from "../store/rollout-store.ts";
import { ChargeRegister } from "./charge-register.ts";
import { takenUp } from "./events.ts";
import { RolloutError } from "./held.ts";
import { viewOf } from "./stored.ts";
import { Watchers } from "./watchers.ts";

/** Rollouts of the store, those that have not ended in memory: what is here is stored, and its watchers have heard of it. */
export class OpenRollouts {
  readonly #store: RolloutStore;
  readonly #log: Log;
  readonly #open = new Map<string, RolloutView>();
  readonly #watchers = new Watchers();
  /** Hosts that are charged though nobody has them in hand, and those written off. */
  readonly register = new ChargeRegister();

  constructor(store: RolloutStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** What an earlier run of the controller left open. */
  async load(steadyAt: number): Promise<void> {
    for (const stored of await this.#store.open()) {
      this.#open.set(stored.plan.id, takenUp(viewOf(stored), steadyAt));
    }
    await this.register.load(this.#store);
  }

  ids(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Oldest first. */
  all(): readonly RolloutView[] {
    return [...this.#open.values()];
  }

  get(rolloutId: string): RolloutView | undefined {
    return this.#open.get(rolloutId);
  }

  /** Stores a new one with its first events. */
  async create(plan: RolloutPlan, requestId: string, events: readonly RolloutEvent[]): Promise<void> {
    await this.#store.create(plan, requestId, events);
    this.#keep(events.reduce(folded, planned(plan)));
    const { actor, reason } = plan;
    this.#log.info({ rollout: plan.id, actor, reason }, events.length > 0 ? "rollout started" : "rollout queued");
  }

  /** Stores an event. Throws where it cannot follow. */
  async append(view: RolloutView, event: RolloutEvent): Promise<RolloutView> {
    const after = folded(view, event);
    const charge = chargeChange(after, event);
    const isClosing = isClosed(after.state);
    await this.#store.append(view.plan.id, { version: view.version, event, charge, isClosing });
    this.#keep(after);
    this.register.note(charge);
    const { type, ...fields } = event;
    this.#log.info({ rollout: view.plan.id, event: type, ...fields }, "rollout event");
    return after;
  }

  /** Notes why nothing more is done just now. */
  wait(view: RolloutView, waits: readonly string[]): void {
    this.#watchers.wait(view, waits);
  }

  /** With what it waits for. Rejects with RolloutError `not-found`. */
  async view(rolloutId: string): Promise<RolloutView> {
    const open = this.#open.get(rolloutId);
    if (open) return this.#watchers.explained(open);
    const stored = await this.#store.load(rolloutId);
    if (!stored) throw new RolloutError("not-found", `no rollout ${echoed(rolloutId)}`);
    return viewOf(stored);
  }

  /** What has not ended, oldest first, each with what it waits for. */
  explained(): readonly RolloutView[] {
    return this.all().map((view) => this.#watchers.explained(view));
  }

  /** What a request made when it was first heard, or null. */
  async byRequest(requestId: string): Promise<RolloutView | null> {
    const id = await this.#store.byRequest(requestId);
    return id === null ? null : this.view(id);
  }

  /** Newest first. */
  async recent(limit: number): Promise<readonly RolloutView[]> {
    const stored = await this.#store.recent(limit);
    return stored.map((one) => this.#watchers.explained(this.#open.get(one.plan.id) ?? viewOf(one)));
  }

  /** Calls `watcher` after each change until the returned function is called. */
  watch(rolloutId: string, watcher: (view: RolloutView) => void): () => void {
    return this.#watchers.add(rolloutId, watcher);
  }

  #keep(view: RolloutView): void {
    if (isClosed(view.state)) this.#open.delete(view.plan.id);
    else this.#open.set(view.plan.id, view);
    this.#watchers.tell(view);
  }
}

function folded(view: RolloutView, event: RolloutEvent): RolloutView {
  const after = follow(view, event);
  if (after.kind === "refused") throw new Error(`rollout ${view.plan.id}: ${event.type}: ${after.why}`);
  return after.view;
}
