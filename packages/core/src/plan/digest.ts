import type { Sha256 } from "./types.ts";

/**
 * Digest of one host's plan: the remedies' kinds and targets, in any order. Process ids are not covered, so that a
 * session that ended or a worker that was replaced does not make a plan stale.
 */
export function planDigest(
  steps: readonly { readonly kind: string; readonly target: string }[],
  sha256: Sha256,
): string {
  const lines = steps.map((step) => JSON.stringify([step.kind, step.target]));
  return sha256([...new Set(lines)].sort().join("\n"));
}
