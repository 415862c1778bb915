/**
 * What a Machine may throw: the host could not be read or told to do something. Everything else it throws is a defect
 * and rises to the top; the journal then says where to go on.
 */
export class StepError extends Error {
  override readonly name = "StepError";
  readonly code: "unreadable" | "not-found" | "refused" | "timeout" | "scan-failed";
  constructor(code: StepError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * This process is ended, by the shutdown it waits for or by whoever stops it: the order stays open, and the next process
 * goes on with it.
 */
export class LeftOpen extends Error {
  override readonly name = "LeftOpen";
}
