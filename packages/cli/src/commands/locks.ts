import { EXIT } from "@afterpatch/core/exit";
import { command } from "../command.ts";
import { type LocksDocument, locksDocument } from "../documents/locks.ts";
import { checkTarget, emit } from "../output.ts";
import { table } from "../render/table.ts";
import { age } from "../render/time.ts";
import type { Paint } from "../shell.ts";

const MOST = 1_000;

export const locks = command({
  syntax: "locks",
  summary: "Which host is held by which rollout, in which state and since when",
  options: (parser) => parser,
  exits: "0 shown, 4 controller unreachable, 5 usage or credentials",
  examples: [["afterpatch locks", "why a start says that hosts are held"]],
  run: async (args, shell) => {
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const document = locksDocument(await (await connect(shell)).listRollouts(MOST, "open"));
    await emit(
      { document, lines: document.locks, table: (paint) => render(document, shell.now(), paint) },
      args,
      shell,
    );
    return EXIT.ok;
  },
});

function render({ locks: all }: LocksDocument, now: number, paint: Paint): string {
  if (all.length === 0) return "No host is held: no rollout is open.\n";
  const columns = ["HOST", "ROLLOUT", "STATE", "IN IT", "HELD", "BY", "REASON"].map((title) => ({ title }));
  const rows = all.map(({ host, rollout, state, stateSince, since, actor, reason }) =>
    [host, rollout, state, age(stateSince, now), age(since, now), actor, reason].map((text) => ({ text })),
  );
  return table(columns, rows, paint);
}
