import { EXIT, type ExitCode, worst } from "@afterpatch/core/exit";
import type { CarriedOut } from "./carry-out.ts";

/** Codes of an ending: a rule of this host stopped it, and nothing went wrong. */
const VETOES: ReadonlySet<string> = new Set([
  "package-lock",
  "denied",
  "window",
  "transaction",
  "inhibited",
  "users-logged-in",
  "cap",
  "hook-vetoed",
]);

/** What the shell is told (contracts). */
export function applyExitCode(
  { ending, steps }: Pick<CarriedOut, "ending" | "steps">,
  failOnResidue: boolean,
): ExitCode {
  if (ending.code === "interrupted") return EXIT.detached;
  if (ending.result === "verified") return failOnResidue && ending.residue.length > 0 ? EXIT.unreachable : EXIT.ok;
  if (ending.result === "stale") return EXIT.stale;
  if (ending.code === "config") return EXIT.usage;
  const codes: ExitCode[] = [];
  const isVetoed = VETOES.has(ending.code);
  if (isVetoed || steps.some((step) => step.outcome === "vetoed")) codes.push(EXIT.halted);
  const isOnlyVetoed = ending.code === "step-failed" && !steps.some((step) => step.outcome === "failed");
  if (!isVetoed && !isOnlyVetoed) codes.push(EXIT.failed);
  return worst(codes);
}
