import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { command } from "../command.ts";
import { type WhyDocument, whyDocument } from "../documents/why.ts";
import { checkTarget, emit } from "../output.ts";
import { age, instant } from "../render/time.ts";
import type { Paint } from "../shell.ts";
import { inventoryOption, scopeOf } from "./scope-options.ts";

export const why = command({
  syntax: "why <host>",
  summary: "What stands between a host and its next step, first cause first",
  options: (parser) =>
    inventoryOption(parser).positional("host", { type: "string", demandOption: true, describe: "One host" }),
  exits: "0 shown, 4 controller unreachable, 5 usage or credentials, 6 no such host",
  examples: [["afterpatch why web03", "why nothing happens there"]],
  run: async (args, shell) => {
    if (args.host.trim() === "") throw usageError("host", "is empty", "write the name of one host");
    const scope = await scopeOf(args, shell);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const document = whyDocument(await (await connect(shell)).whyHost(args.host, scope));
    await emit({ document, table: (paint) => render(document, shell.now(), paint) }, args, shell);
    return EXIT.ok;
  },
});

function render({ host, obstacles }: WhyDocument, now: number, paint: Paint): string {
  const lines = obstacles.flatMap(({ kind, why: text, rollout, by, since, until }, index) => {
    const where = rollout === null ? "" : ` (rollout ${rollout})`;
    const times = [
      ...(since === null ? [] : [`for ${age(since, now)}`]),
      ...(until === null ? [] : [`${kind === "veto" ? "tried again at" : "at the latest until"} ${instant(until)}`]),
    ];
    const first = `${index + 1}. ${paint(kind === "next" ? "green" : "yellow", kind)}: ${[text, ...times].join(", ")}${where}`;
    return [first, ...by.map((each) => `     ${each}`)];
  });
  return `${paint("bold", host)}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
