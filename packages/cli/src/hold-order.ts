import { parseDuration } from "@afterpatch/core/duration";
import { echoed } from "@afterpatch/core/text";
import { usageError } from "@afterpatch/core/command-error";
import type { Argv } from "yargs";
import type { HoldOrder } from "./connection.ts";

/** `--reason` and `--until`. */
export function holdOptions<T>(parser: Argv<T>) {
  return parser
    .option("reason", { type: "string", requiresArg: true, describe: "Why, for those who come after you" })
    .option("until", {
      type: "string",
      requiresArg: true,
      describe:
        "Ends by itself: a time from now (2h) or an instant (2026-12-01T08:00Z); without it when somebody ends it",
    });
}

/** Both checked before the controller is asked; a time from now is counted by the controller's clock. */
export function holdOrderOf(args: {
  readonly reason?: string | undefined;
  readonly until?: string | undefined;
}): HoldOrder {
  const reason = args.reason ?? "";
  if (reason.trim() === "") throw usageError("--reason", "is missing", "say why, for those who come after you");
  return { reason, untilAt: 0, forMs: 0, ...(args.until === undefined ? {} : endOf(args.until)) };
}

/** ISO 8601 with a zone: minutes, or seconds. A time without a zone would be another one for each reader. */
const INSTANT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/;

function endOf(until: string): Partial<HoldOrder> {
  if (/^\d+[smhd]$/.test(until)) {
    const forMs = durationOf(until);
    if (forMs === 0) throw usageError("--until", "0 has passed already", "write a time that is to come");
    return { forMs };
  }
  const at = INSTANT.test(until) ? Date.parse(until.replace(" ", "T")) : Number.NaN;
  if (Number.isNaN(at)) {
    const todo = "write 2h, or an instant with its zone like 2026-12-01T08:00Z";
    throw usageError("--until", `${echoed(until)} is neither a duration nor an instant`, todo);
  }
  return { untilAt: at };
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (cause) {
    throw usageError("--until", cause instanceof Error ? cause.message : String(cause), "write a shorter time", {
      cause,
    });
  }
}
