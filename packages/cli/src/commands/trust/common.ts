import { usageError } from "@afterpatch/core/command-error";
import type { ExitCode } from "@afterpatch/core/exit";
import { EXIT } from "@afterpatch/core/exit";
import type { Argv } from "yargs";
import type { Ask } from "../../asking.ts";
import { checkNewTarget, checkTarget, emit, type Result } from "../../output.ts";
import type { Shell, Target } from "../../shell.ts";

export const EXITS = "0 done, 4 controller unreachable, 5 usage, credentials, or permission refused";

/** `--reason`, for what is in the audit log for good. */
export function reasonOption<T>(parser: Argv<T>) {
  return parser.option("reason", { type: "string", requiresArg: true, describe: "Why, for the audit log" });
}

export function yesOption<T>(parser: Argv<T>) {
  return parser.option("yes", { type: "boolean", default: false, describe: "Do not ask" });
}

export function reasonIn(reason: string | undefined): string {
  if (reason === undefined || reason.trim() === "")
    throw usageError("--reason", "is missing", "say why, for those who read the log");
  return reason;
}

/** Somebody at the terminal, or `--yes`, wants it. */
export async function confirm(shell: Shell, what: string, question: string, isSure: boolean): Promise<void> {
  if (isSure) return;
  if (shell.ask === null) throw usageError(what, "nobody is at a terminal to confirm it", "add --yes");
  const answer = (await shell.ask(`${question} [y/N] `)).trim();
  if (!/^y(es)?$/i.test(answer)) throw usageError(what, "not confirmed, nothing was done", "answer y, or add --yes");
}

/** Asks the controller and prints what it answers. */
export async function answered(args: Target, shell: Shell, work: (ask: Ask) => Promise<Result>): Promise<ExitCode> {
  await checkTarget(args);
  const { asking } = await import("../../asking.ts");
  await emit(await work((await asking(shell)).ask), args, shell);
  return EXIT.ok;
}

/** The same for a secret: its file is a new one, and nobody but its owner may read it. */
export async function answeredInSecret(args: Target, shell: Shell, work: (ask: Ask) => Promise<Result>) {
  await checkNewTarget(args);
  const { asking } = await import("../../asking.ts");
  await emit(await work((await asking(shell)).ask), args, shell, 0o600);
  return EXIT.ok;
}

/** The methods of TrustService; loaded when one is called, for help needs none of gRPC. */
export async function trust() {
  return (await import("@afterpatch/wire/services")).trustService;
}
