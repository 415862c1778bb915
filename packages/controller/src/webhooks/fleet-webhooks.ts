import type { FleetWebhook } from "../config/config.ts";
import type { Events, FleetEvent } from "../store/events.ts";
import type { ToldStore } from "../store/told.ts";
import { deliver, type DeliverDeps } from "./deliver.ts";

export interface FleetWebhooksDeps extends DeliverDeps {
  readonly webhooks: readonly FleetWebhook[];
  readonly events: Events;
  readonly told: ToldStore;
  /** Of this controller, for ids that no other one gives. */
  readonly fleetId: string;
}

const PAGE = 500;

/**
 * Tells the webhooks of controller.yaml what happens in the fleet: in its order, each at least once, over crashes of the
 * controller, beginning with what happens after the webhook was first named. One that does not answer holds up nothing but
 * itself.
 */
export class FleetWebhooks {
  readonly #deps: FleetWebhooksDeps;
  readonly #stop = new AbortController();
  #telling: readonly Promise<void>[] = [];

  constructor(deps: FleetWebhooksDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { told, events, webhooks, log } = this.#deps;
    await told.keepOnly(
      webhooks.map(({ url }) => url),
      await events.last(),
    );
    this.#telling = webhooks.map((webhook) =>
      this.#tellAll(webhook).catch((err: unknown) =>
        log.error({ err, url: new URL(webhook.url).host }, "webhook ended"),
      ),
    );
  }

  /** What is under way is cut off, and told by the next run of the controller. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#telling);
  }

  async #tellAll(webhook: FleetWebhook): Promise<void> {
    const { told, events } = this.#deps;
    const { signal } = this.#stop;
    let news = Promise.withResolvers<void>();
    const unwatch = events.watch(() => news.resolve());
    signal.addEventListener("abort", () => news.resolve());
    try {
      for (let position = await told.position(webhook.url); !signal.aborted; ) {
        news = Promise.withResolvers<void>();
        if (signal.aborted) return;
        const page = await events.after(position, PAGE);
        for (const event of page) {
          if (isWanted(event, webhook)) {
            await this.#tell(webhook, event);
            if (signal.aborted) return;
            await told.tell(webhook.url, event.seq);
          }
          position = event.seq;
        }
        if (page.length === 0) await news.promise;
      }
    } finally {
      unwatch();
    }
  }

  #tell({ url }: FleetWebhook, event: FleetEvent): Promise<void> {
    const { fleetId } = this.#deps;
    const { seq, at, type, host, hostId, rolloutId: rollout, actor, body } = event;
    const details: unknown = JSON.parse(body);
    const data = { schema: "afterpatch.event/v1", seq, at, type, host, hostId, rollout, actor, details };
    const told = { type, timestamp: new Date(at).toISOString(), data };
    const about = { event: type, seq };
    return deliver({ url, id: `evt_${fleetId}_${seq}`, body: told, at, about }, this.#deps, this.#stop.signal);
  }
}

function isWanted({ type }: FleetEvent, { on }: FleetWebhook): boolean {
  return on.some((wanted) => wanted === type || (wanted.endsWith(".*") && type.startsWith(wanted.slice(0, -1))));
}
