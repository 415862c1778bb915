import { utcText } from "../clock.ts";
import { readFileSync } from "node:fs";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { visible } from "@afterpatch/core/text";
import { WaitingFile } from "../effects/reboot/waiting.ts";
import { emit, type Target } from "../output.ts";
import { scheduledShutdown } from "../vetoes/scheduled.ts";

export interface CancelArguments extends Target {
  /** Why, for whoever ordered it. */
  readonly message: string | undefined;
  readonly format: "table" | "json";
}

/**
 * `afterpatch-agent reboot --cancel`. None that waits is an error (6): who cancels one has to know that it was too late, or
 * that it is somebody else's.
 */
export function cancelReboot({ message = "", format, ...target }: CancelArguments): ExitCode {
  if (process.geteuid?.() !== 0) throw usageError("reboot", "needs root to cancel a reboot", "run it with sudo");
  const file = new WaitingFile();
  const cancelled = file.cancel(whoAsks(), message);
  if (cancelled === null) {
    const why = file.isBegun() ? "the reboot of this host has begun" : "no reboot of afterpatch waits on this host";
    throw new CommandError(EXIT.selection, "--cancel", why, scheduledShutdown() ?? "nothing was done");
  }
  const { dueAt, method, message: told } = cancelled;
  const document = { schema: "afterpatch.reboot-cancel/v1", cancelled: { dueAt, method, message: told } };
  const due = utcText(dueAt);
  const text = `cancelled: the reboot of this host at ${due}${told === "" ? "" : ` (${visible(told)})`}`;
  emit(format === "json" ? `${JSON.stringify(document, null, 2)}\n` : `${text}\n`, target);
  return EXIT.ok;
}

/** Whoever logged in, through sudo too: the kernel keeps it for audit(8). */
function whoAsks(): string {
  const uid = textOf("/proc/self/loginuid").trim();
  const entry = textOf("/etc/passwd")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, , id]) => id === uid);
  return entry?.[0] || "root";
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}
