import { EXIT, type ExitCode, worst } from "@afterpatch/core/exit";
import type { CarriedOut } from "./carry-out.ts";

/** What the shell is told (contracts). */
export function applyExitCode(
  { ending, steps }: Pick<CarriedOut, "ending" | "steps">,
  failOnResidue: boolean,
): ExitCode {
  if (ending.code === "interrupted") return EXIT.detached;
  if (ending.result === "verified") return failOnResidue && ending.residue.length > 0 ? EXIT.unreachable : EXIT.ok;
  if (ending.result === "stale") return EXIT.stale;
  const codes: ExitCode[] = [];
  if (ending.code === "package-lock" || steps.some((step) => step.outcome === "vetoed")) codes.push(EXIT.halted);
  const isOnlyVetoed = ending.code === "step-failed" && !steps.some((step) => step.outcome === "failed");
  if (ending.code !== "package-lock" && !isOnlyVetoed) codes.push(EXIT.failed);
  return worst(codes);
}
