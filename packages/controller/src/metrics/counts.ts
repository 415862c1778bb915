import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import * as grpc from "@grpc/grpc-js";
import type { RolloutStore } from "../store/rollout-store.ts";
import type { Post } from "../webhooks/post.ts";
import type { Metrics, Sample } from "./metrics.ts";

/** A webhook that failed is tried again within five minutes; one that is not tried any more is not told of. */
const FAILING_MS = 600_000;

/** Seconds: from a small virtual machine to where a scan is given up, 600 s. */
const SCAN_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** What is counted as it happens, since the controller started. */
export class Counts {
  readonly #calls = new Tally();
  readonly #events = new Tally();
  readonly #ended = new Tally();
  readonly #deliveries = new Tally();
  readonly #failing = new Map<string, number>();
  readonly #scanned: (seconds: number) => void;

  constructor(metrics: Metrics) {
    for (const state of ["halted", "aborted", "finished"]) this.#ended.add({ state }, 0);
    for (const type of ["permitted", "ended", "unreachable", "written-off"]) this.#events.add({ type }, 0);
    for (const outcome of ["told", "failed", "refused"]) this.#deliveries.add({ outcome }, 0);
    const calls = metrics.total("afterpatch_grpc_calls_total", "Calls that have ended, by method and gRPC code.", [
      "method",
      "code",
    ]);
    const events = metrics.total(
      "afterpatch_rollout_events_total",
      "Events of rollouts, by type; permitted: a permit was issued.",
      ["type"],
    );
    const ended = metrics.total("afterpatch_rollouts_ended_total", "Rollouts that have ended, by their last state.", [
      "state",
    ]);
    const deliveries = metrics.total(
      "afterpatch_webhook_deliveries_total",
      "Attempts to tell a webhook; failed: tried again, refused: given up.",
      ["outcome"],
    );
    this.#scanned = metrics.histogram(
      "afterpatch_agent_scan_duration_seconds",
      "How long the scans of agents took that have reported since the controller started.",
      SCAN_BUCKETS,
    );
    const failing = metrics.gauge(
      "afterpatch_webhooks_failing",
      "Webhooks whose newest attempt, in the last ten minutes, failed.",
    );
    metrics.add(() => {
      calls(this.#calls.samples());
      events(this.#events.samples());
      ended(this.#ended.samples());
      deliveries(this.#deliveries.samples());
      const since = performance.now() - FAILING_MS;
      for (const [url, at] of this.#failing) if (at < since) this.#failing.delete(url);
      failing([[{}, this.#failing.size]]);
    });
  }

  /** An agent's scan that took so long, as it says. */
  scanTook(ms: number): void {
    // What the host says is its own word: one that lies shifts the mean by no more than a scan that was given up.
    this.#scanned(Math.min(ms / 1000, SCAN_BUCKETS.at(-1) ?? 0));
  }

  /** Counts how calls of a server end. Only methods that the server has get as far as this. */
  readonly interceptor: grpc.ServerInterceptor = ({ path }, call) => {
    let isCounted = false;
    const count = (code: grpc.status) => {
      if (!isCounted) this.#calls.add({ method: path.slice(path.lastIndexOf("/") + 1), code: grpc.status[code] });
      isCounted = true;
    };
    return new grpc.ServerInterceptingCall(call, {
      start: (next) => next({ onCancel: () => count(grpc.status.CANCELLED) }),
      sendStatus: (status, next) => {
        count(status.code);
        next(status);
      },
    });
  };

  /** The same store; what is written to rollouts is counted. */
  watching(store: RolloutStore): RolloutStore {
    return {
      ...store,
      create: async (plan, requestId, events) => {
        const id = await store.create(plan, requestId, events);
        for (const event of id === plan.id ? events : []) this.#event(event);
        return id;
      },
      append: async (rolloutId, appended) => {
        await store.append(rolloutId, appended);
        this.#event(appended.event);
      },
    };
  }

  #event(event: RolloutEvent): void {
    this.#events.add({ type: event.type });
    if (event.type === "closed") this.#ended.add({ state: event.state });
  }

  /** The same; what becomes of it is counted. */
  posting(post: Post): Post {
    return async (url, body, signal, id) => {
      const failed = await post(url, body, signal, id);
      if (signal.aborted) return failed;
      this.#deliveries.add({ outcome: failed === null ? "told" : failed.isFinal ? "refused" : "failed" });
      if (failed === null) this.#failing.delete(url);
      else this.#failing.set(url, performance.now());
      return failed;
    };
  }
}

/** How often something happened, by labels. */
class Tally {
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<string, string>>; count: number }>();

  add(labels: Readonly<Record<string, string>>, by = 1): void {
    const key = Object.values(labels).join(" ");
    const known = this.#counts.get(key);
    if (known) known.count += by;
    else this.#counts.set(key, { labels, count: by });
  }

  samples(): readonly Sample[] {
    return [...this.#counts.values()].map(({ labels, count }) => [labels, count] as const);
  }
}
