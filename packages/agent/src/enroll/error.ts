import type { TrustCode } from "@afterpatch/wire/trusted-root";

export type EnrollCode =
  | TrustCode
  | "token-file"
  | "token-expired"
  | "refused"
  | "enrolled"
  | "state-dir"
  | "bad-answer";

/** Enrolment did not happen; this host is as it was. */
export class EnrollError extends Error {
  override readonly name = "EnrollError";
  readonly code: EnrollCode;
  readonly what: string;
  readonly why: string;
  readonly todo: string;
  constructor(code: EnrollCode, what: string, why: string, todo: string, options?: ErrorOptions) {
    super(`${what}: ${why}; ${todo}`, options);
    this.code = code;
    this.what = what;
    this.why = why;
    this.todo = todo;
  }

  /** Of `afterpatch-agent` (contracts). */
  get exitCode(): 4 | 5 {
    return this.code === "unreachable" ? 4 : 5;
  }
}
