import { usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { durationOf } from "@afterpatch/core/command-line";
import { command } from "../command.ts";
import { trendDocument } from "../documents/trend.ts";
import { reachedDocument, tellReached } from "../documents/reached.ts";
import { checkTarget, emit } from "../output.ts";
import { renderTrend } from "../render/trend.ts";
import { scopeOf, scopeOptions } from "./scope-options.ts";

const BUCKETS_MS = { hour: 3_600_000, day: 86_400_000 } as const;

export const trend = command({
  syntax: "trend [pattern]",
  summary: "How many hosts ran old code, needed a reboot, or were silent, over time",
  options: (parser) =>
    scopeOptions(parser)
      .positional("pattern", { type: "string", describe: "Hosts, also those that are gone; all if not given" })
      .option("since", { type: "string", default: "30d", requiresArg: true, describe: "From so long ago" })
      .option("by", {
        choices: ["day", "hour"] as const,
        default: "day" as const,
        requiresArg: true,
        describe: "Length of a row, in UTC",
      }),
  exits:
    "0 shown, 4 controller unreachable or a host of the inventory is not enrolled, 5 usage or credentials, 6 no such host",
  examples: [
    ["afterpatch trend", "the last thirty days"],
    ["afterpatch trend 'role=web' --since 48h --by hour", "web servers, hour by hour"],
    ["afterpatch trend -o json", "for a program"],
  ],
  run: async (args, shell) => {
    if (args.pattern === "") throw usageError("pattern", "is empty", "write 'all' for every host");
    const sinceMs = durationOf("--since", args.since);
    const scope = await scopeOf(args, shell);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const response = await control.getTrend(args.pattern ?? "", sinceMs, BUCKETS_MS[args.by], scope);
    const reached = reachedDocument(response.reached);
    tellReached(reached, shell);
    const document = trendDocument(response, args.by);
    await emit({ document, table: (paint) => renderTrend(document, paint) }, args, shell);
    return reached.notEnrolled.length > 0 ? EXIT.unreachable : EXIT.ok;
  },
});
