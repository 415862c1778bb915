import { usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { echoed } from "@afterpatch/core/text";
import { durationOf } from "@afterpatch/core/command-line";
import { command } from "../command.ts";
import type { WatchEventsRequest } from "../connection.ts";
import type { FleetEventDocument } from "../documents/events.ts";
import { followEvents } from "../follow-events.ts";
import { checkTarget, emit } from "../output.ts";
import { renderEvent } from "../render/events.ts";
import type { Shell } from "../shell.ts";

export const events = command({
  syntax: "events",
  summary: "What happens in the fleet, in one sequence: rollouts, hosts, reports, freezes",
  options: (parser) =>
    parser
      .option("watch", {
        alias: "w",
        type: "boolean",
        default: false,
        describe: "Go on until Ctrl-C, also over a restart of the controller",
      })
      .option("since", {
        type: "string",
        requiresArg: true,
        describe:
          "After this sequence, or from this time on: 4711, 2026-11-22T10:00:00Z, 2h (ago) [all; with -w what comes]",
      })
      .option("rollout", { type: "string", requiresArg: true, describe: "Of this rollout alone" })
      .option("host", { type: "string", requiresArg: true, describe: "Of this host alone, by its name or id" }),
  exits: "0 shown, 4 controller unreachable, 5 usage or credentials, 130 no longer followed",
  examples: [
    ["afterpatch events --since 2h", "the last two hours"],
    ["afterpatch events -w", "what happens from now on"],
    ["afterpatch events -w --since 4711 -o jsonl", "for a program that took event 4711 last"],
    ["afterpatch events --host web01 -o jsonl", "all that is kept of a host"],
  ],
  run: async (args, shell) => {
    const request = {
      ...beginning(args.since, args.watch, shell.now()),
      ...{ rolloutId: args.rollout ?? "", host: args.host ?? "", follow: args.watch },
    };
    if (args.watch && args.out !== undefined)
      throw usageError("--out", "does not go with -w", "redirect the output: > FILE");
    if (args.watch && (args.format === "json" || args.format === "yaml"))
      throw usageError("-o", `${args.format} is one document, and -w has no end`, "use -o jsonl");
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const over = new AbortController();
    const undo = shell.onInterrupt(() => over.abort());
    const following = { signal: over.signal, say: (text: string) => shell.err(`afterpatch: ${text}\n`) };
    const print = printer(args.format === "jsonl", shell);
    try {
      const all: FleetEventDocument[] = [];
      for await (const event of followEvents(control, request, following)) {
        if (args.watch || (args.out === undefined && (args.format === "jsonl" || args.format === "table")))
          await print(event);
        else all.push(event);
      }
      if (args.watch) return EXIT.detached;
      if (all.length === 0 && args.out === undefined && !(args.format === "json" || args.format === "yaml"))
        return EXIT.ok;
      const document = { schema: "afterpatch.events/v1", events: all };
      await emit(
        { document, lines: all, table: (paint) => all.map((one) => renderEvent(one, paint)).join("") },
        args,
        shell,
      );
      return EXIT.ok;
    } finally {
      undo();
    }
  },
});

type Beginning = Pick<WatchEventsRequest, "since" | "sinceAt" | "fromNow">;

function beginning(text: string | undefined, isWatch: boolean, now: number): Beginning {
  const from = (part: Partial<Beginning>): Beginning => ({ since: 0, sinceAt: 0, fromNow: false, ...part });
  if (text === undefined) return from({ fromNow: isWatch });
  if (/^[0-9]{1,15}$/.test(text)) return from({ since: Number(text) });
  if (/^[0-9]+[smhd]$/.test(text)) return from({ sinceAt: Math.max(1, now - durationOf("--since", text)) });
  const at = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at) || at <= 0)
    throw usageError(
      "--since",
      `${echoed(text)} is neither a sequence nor a time`,
      "write 4711, 2h or 2026-11-22T10:00:00Z",
    );
  return from({ sinceAt: at });
}

/** Writes no faster than it is read: whoever reads slowly holds up the stream, and the controller keeps the rest. */
function printer(isForPrograms: boolean, shell: Shell): (event: FleetEventDocument) => Promise<void> {
  return (event) => shell.written(isForPrograms ? `${JSON.stringify(event)}\n` : renderEvent(event, shell.paint));
}
