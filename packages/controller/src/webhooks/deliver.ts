import type { Clock, Log } from "../ports.ts";
import type { Post } from "./post.ts";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
/** A webhook that does not hear for so long is told no more of that event: what is said a day late helps nobody. */
const GIVE_UP_MS = 24 * 3_600_000;

/** One thing to tell. */
export interface Telling {
  readonly url: string;
  /** The same for every attempt, and of nothing else. */
  readonly id: string;
  readonly body: object;
  /** When it happened. */
  readonly at: number;
  /** For the log. */
  readonly about: object;
}

export interface DeliverDeps {
  readonly post: Post;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tells it again and again, later and later, until it was heard or is given up. */
export async function deliver(
  { url, id, body, at, about }: Telling,
  { post, clock, log }: DeliverDeps,
  signal: AbortSignal,
): Promise<void> {
  const named = { ...about, url: new URL(url).host };
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS)) {
    const failed = await post(url, body, signal, id);
    if (failed === null || signal.aborted) return;
    const isOver = failed.isFinal || clock.now() - at > GIVE_UP_MS;
    if (isOver) return log.error({ ...named, why: failed.why }, "webhook given up");
    log.warn({ ...named, why: failed.why, retryMs }, "webhook not told");
    await pause(retryMs, clock, signal);
  }
}

/** Ends early when `signal` says so. */
function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener("abort", end);
  });
}
