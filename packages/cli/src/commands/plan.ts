import { EXIT, worst } from "@afterpatch/core/exit";
import { command } from "../command.ts";
import { tellComingBack } from "../documents/coming-back.ts";
import { tellNotes } from "../documents/reached.ts";
import { planDocument } from "../documents/plan.ts";
import { columnsOf, checkTarget, emit } from "../output.ts";
import { renderPlan } from "../render/plan.ts";
import { wrapped } from "../render/wrap.ts";
import { fileOption, patternOf } from "../rollout-file.ts";
import { filterOf, filterOptions } from "./filter-options.ts";
import { rebootOf, rebootOptions } from "./reboot-options.ts";
import { scopeOf, scopeOptions } from "./scope-options.ts";
import { shapedBy, shapeOptions } from "./shape-options.ts";

export const plan = command({
  syntax: "plan [pattern]",
  summary: "What a rollout would do, in its order; changes nothing",
  options: (parser) =>
    fileOption(shapeOptions(filterOptions(rebootOptions(scopeOptions(parser)))))
      .positional("pattern", { type: "string", describe: "Hosts; all if not given" })
      .option("serial", {
        type: "string",
        default: "1",
        requiresArg: true,
        describe: "Hosts at once: batch sizes or percentages, the last one repeats",
      })
      .option("exit-code", {
        type: "boolean",
        default: false,
        describe: "Exit 10 if there is work, 4 if a host could not be planned",
      }),
  exits:
    "0 planned, 4 controller unreachable or a host of the inventory is not enrolled (with --exit-code also: a host could not be planned), 5 usage, file or credentials, 6 no such host or nothing of that name, 10 with --exit-code: there is work",
  examples: [
    ["afterpatch plan", "every host, one at a time"],
    ["afterpatch plan 'role=web' --serial 1,25% -o wide", "with the reasons against smaller steps"],
    ["afterpatch plan all --reboot always", "what 'afterpatch reboot all' would do"],
    ["afterpatch plan all --package libssl3", "what runs old code of one package"],
    ["afterpatch plan 'web:!canary' -i production/ -l '!db*'", "groups of an Ansible inventory"],
    [
      "afterpatch plan web -i production/ --inventory-label zone=ec2_az --by zone",
      "a label made of one of its variables",
    ],
    ["afterpatch plan -f openssl.yaml", "waves, budgets and windows of a file"],
    ["afterpatch plan 'web[01:50]' -o json --out plan.json", "for a review, and for 'afterpatch apply plan.json'"],
  ],
  run: async (args, shell) => {
    const { input, serial, reboot } = await shapedBy(args, rebootOf(args), shell.err);
    const filter = filterOf(args, input?.spec.actions ?? null);
    const scope = await scopeOf(args, shell);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const order = {
      pattern: input === null ? (args.pattern ?? "all") : patternOf(args, input),
      serial,
      reboot,
      filter,
      rolloutFile: input?.text ?? "",
      retryOf: "",
      scope,
    };
    const document = planDocument(await control.planFleet(order), order);
    tellComingBack(document.comingBack, shell);
    tellNotes(document.notes, shell);
    const columns = columnsOf(args, shell);
    await emit(
      { document, table: (paint, isWide) => wrapped(renderPlan(document, paint, isWide), columns) },
      args,
      shell,
    );
    const ofInventory = document.notEnrolled.length > 0 ? EXIT.unreachable : EXIT.ok;
    if (!args.exitCode) return ofInventory;
    const { steps, uncovered } = document.totals;
    return worst([ofInventory, steps > 0 ? EXIT.pending : EXIT.ok, uncovered > 0 ? EXIT.unreachable : EXIT.ok]);
  },
});
