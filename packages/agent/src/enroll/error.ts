export type EnrollCode =
  | "token-file"
  | "token-expired"
  | "wrong-ca"
  | "bad-certificate"
  | "clock"
  | "unreachable"
  | "refused"
  | "enrolled"
  | "state-dir"
  | "bad-answer";

/** Enrolment did not happen; this host is as it was. The message reads `WHAT: WHY; WHAT TO DO`. */
export class EnrollError extends Error {
  override readonly name = "EnrollError";
  readonly code: EnrollCode;
  constructor(code: EnrollCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Of `afterpatch-agent` (contracts). */
  get exitCode(): 4 | 5 {
    return this.code === "unreachable" ? 4 : 5;
  }
}
