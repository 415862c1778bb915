// What the controller needs from outside, passed in so that the simulator can replace it.

export interface Clock {
  /** Epoch milliseconds. Only the controller's clock decides anything about a rollout. */
  now(): number;
  /** Calls `fn` once after `ms` (at least 0); the returned function cancels. */
  after(ms: number, fn: () => void): () => void;
}

/** A random identifier that is never used twice: 128 bits or more. */
export type RandomId = () => string;

/** The fields of a log line; see the style guide for their names. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
