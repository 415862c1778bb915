import { type Notice, noticeOf } from "@afterpatch/core/rollout/notices";
import type { Due, NoticeStore } from "../store/notices.ts";
import type { RolloutStore } from "../store/rollout-store.ts";
import { deliver, type DeliverDeps } from "./deliver.ts";

export interface WebhooksDeps extends DeliverDeps {
  readonly store: NoticeStore;
}

/**
 * Tells webhooks what happens to their rollouts: in its order, each at least once, over crashes of the controller. One
 * that does not answer holds up nothing but itself.
 */
export class Webhooks {
  readonly #deps: WebhooksDeps;
  readonly #stop = new AbortController();
  /** By rollout and address: being told now, and whether there is news since. */
  readonly #busy = new Map<string, { isStale: boolean }>();
  readonly #telling = new Set<Promise<void>>();
  /** Rollouts that have any. */
  readonly #rollouts = new Set<string>();

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
  }

  /** Takes up what was not told before this controller started. */
  async start(): Promise<void> {
    for (const due of await this.#deps.store.due()) this.#rollouts.add(due.rolloutId);
    await this.#look();
  }

  /** What is under way is cut off, and told by the next run of the controller. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#telling);
  }

  /** The same store; what happens to rollouts with webhooks is told once it is stored. */
  watching(store: RolloutStore): RolloutStore {
    return {
      ...store,
      create: async (plan, requestId, events) => {
        const id = await store.create(plan, requestId, events);
        if ((plan.webhooks ?? []).length > 0) this.#news(id, true);
        return id;
      },
      append: async (rolloutId, appended) => {
        await store.append(rolloutId, appended);
        this.#news(rolloutId, false);
      },
    };
  }

  #news(rolloutId: string, isNew: boolean): void {
    if (isNew) this.#rollouts.add(rolloutId);
    if (!this.#rollouts.has(rolloutId) || this.#stop.signal.aborted) return;
    this.#look().catch((err: unknown) => this.#deps.log.error({ err, rollout: rolloutId }, "webhooks not looked up"));
  }

  async #look(): Promise<void> {
    for (const due of await this.#deps.store.due()) {
      const key = `${due.rolloutId} ${due.url}`;
      const busy = this.#busy.get(key);
      if (busy) busy.isStale = true;
      else {
        const telling = this.#tellAll(due, key).finally(() => this.#telling.delete(telling));
        this.#telling.add(telling);
      }
    }
  }

  async #tellAll(due: Due, key: string): Promise<void> {
    const busy = { isStale: false };
    this.#busy.set(key, busy);
    let at: Due | null = due;
    try {
      do {
        busy.isStale = false;
        at = await this.#tell(at);
      } while (at !== null && busy.isStale && !this.#stop.signal.aborted);
    } catch (err) {
      // The store failed: the next event, or the next start, finds it again.
      this.#deps.log.error({ err, rollout: due.rolloutId }, "webhook not told");
    } finally {
      this.#busy.delete(key);
    }
  }

  /** All that has happened since; null: the last of it was told. */
  async #tell(due: Due): Promise<Due | null> {
    const found = await this.#deps.store.after(due.rolloutId, due.position);
    const on = (found?.plan.webhooks ?? []).filter(({ url }) => url === due.url).flatMap((webhook) => webhook.on);
    let at = due;
    for (const event of found?.events ?? []) {
      const notice = found && noticeOf(found.plan, event, at.position + 1);
      if (notice && on.includes(notice.event)) await this.#deliver(due.url, notice);
      if (this.#stop.signal.aborted) return at;
      at = { ...at, position: at.position + 1 };
      if (event.type === "closed") {
        await this.#deps.store.told(at, true);
        return null;
      }
      if (notice) await this.#deps.store.told(at, false);
    }
    return at;
  }

  #deliver(url: string, notice: Notice): Promise<void> {
    const { rollout, event, sequence, at } = notice;
    const about = { rollout: rollout.id, event };
    const told = { url, id: `msg_${rollout.id}_${sequence}`, body: notice, at, about };
    return deliver(told, this.#deps, this.#stop.signal);
  }
}
