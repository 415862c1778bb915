import type { FromAgent, ToAgent } from "@afterpatch/core/session";

/** One stream to the controller. Losing it loses what was under way in both directions. */
export interface Channel {
  /** Queues a message; what the stream can no longer take is dropped. */
  send(message: FromAgent): void;
  /** Ends when either side closes; rejects when the stream breaks or the controller breaks the protocol. */
  readonly incoming: AsyncIterable<ToAgent>;
  close(): void;
}

export type Connect = (signal: AbortSignal) => Promise<Channel>;
