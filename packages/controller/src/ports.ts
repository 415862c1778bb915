// What the controller needs from outside, passed in so that the simulator can replace it.

export interface Clock {
  /**
   * Epoch milliseconds, as the machine's clock says now, which may be stepped. For what people read (`at`), and for what
   * is compared with other machines or lives for longer than this process: certificates, tokens, ages of reports.
   */
  now(): number;
  /**
   * Epoch milliseconds as they were when this process started, plus what has passed since: never stepped. For deadlines
   * and silence. Only the controller's time decides anything about a rollout.
   */
  steady(): number;
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
