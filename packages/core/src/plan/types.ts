import type { RemedyKind } from "../scan.ts";

/** One remedy of a plan, with its reasons. */
export interface Step {
  /** `KIND:TARGET`, unique within a plan. */
  readonly id: string;
  readonly remedy: { readonly kind: RemedyKind; readonly target: string };
  /** Ids of the findings it clears. */
  readonly findings: readonly string[];
  readonly because: string;
  readonly insteadOf: readonly { readonly kind: RemedyKind; readonly whyNot: string }[];
}

/** What runs old code and stays: remedy `none`, or one that policy forbids. Never clean, never failed. */
export interface Residue {
  /** The owner's name. */
  readonly owner: string;
  readonly findings: readonly string[];
  readonly reason: string;
}

/** The ordered remedies of one host, smallest first. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly residue: readonly Residue[];
}

/** SHA-256 of UTF-8 text as lower-case hex. Passed in: core imports nothing. */
export type Sha256 = (text: string) => string;
