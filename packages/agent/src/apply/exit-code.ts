import { EXIT, type ExitCode, worst } from "@afterpatch/core/exit";
import { VETO_CODES } from "@afterpatch/core/rollout/veto";
import type { CarriedOut } from "./carry-out.ts";

/** What the shell is told (contracts). */
export function applyExitCode(
  { ending, steps }: Pick<CarriedOut, "ending" | "steps">,
  failOnResidue: boolean,
): ExitCode {
  if (ending.code === "interrupted") return EXIT.detached;
  if (ending.result === "verified") return failOnResidue && ending.residue.length > 0 ? EXIT.unreachable : EXIT.ok;
  if (ending.result === "stale") return EXIT.stale;
  // A veto as well, and a mistake that somebody has to mend.
  if (ending.code === "config") return EXIT.usage;
  const codes: ExitCode[] = [];
  const isVetoed = VETO_CODES.has(ending.code);
  if (isVetoed || steps.some((step) => step.outcome === "vetoed")) codes.push(EXIT.halted);
  const isOnlyVetoed = ending.code === "step-failed" && !steps.some((step) => step.outcome === "failed");
  if (!isVetoed && !isOnlyVetoed) codes.push(EXIT.failed);
  return worst(codes);
}
