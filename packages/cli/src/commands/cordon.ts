import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import type { Scope } from "@afterpatch/core/fleet/scope";
import type { Argv } from "yargs";
import { command } from "../command.ts";
import type { Control, CordonedHosts } from "../connection.ts";
import { cordonsDocument } from "../documents/holds.ts";
import { tellReached } from "../documents/reached.ts";
import { holdOptions, holdOrderOf } from "../hold-order.ts";
import { checkTarget, emit } from "../output.ts";
import { renderCordons } from "../render/holds.ts";
import type { Shell, Target } from "../shell.ts";
import { scopeOf, scopeOptions } from "./scope-options.ts";

const pattern = (parser: Argv) =>
  scopeOptions(parser).positional("pattern", { type: "string", demandOption: true, describe: "Hosts" });
const EXITS =
  "0 done, 4 controller unreachable or a host of the inventory is not enrolled, 5 usage or credentials, 6 no such host";

export const cordon = command({
  syntax: "cordon <pattern>",
  summary: "Keep hosts out of every rollout; one that is in hand finishes",
  options: (parser) => holdOptions(pattern(parser)),
  exits: EXITS,
  examples: [
    ["afterpatch cordon web03 --reason 'disk swap' --until 2h", "until it is done, at most two hours"],
    ["afterpatch cordon rack_b12 -i production/ --reason 'power work' --until 4h", "a group of an Ansible inventory"],
    ["afterpatch cordon 'role=db' --reason 'migration' --until 7d", "for a week at most"],
  ],
  run: async (args, shell) => {
    const order = holdOrderOf(args);
    return change(args, shell, (control, scope) => control.cordonHosts(args.pattern, order, scope));
  },
});

export const uncordon = command({
  syntax: "uncordon <pattern>",
  summary: "Let cordoned hosts into rollouts again; those that wait for it go on",
  options: pattern,
  exits: EXITS,
  examples: [["afterpatch uncordon web03", "the disk is in"]],
  run: (args, shell) => change(args, shell, (control, scope) => control.uncordonHosts(args.pattern, scope)),
});

async function change(
  args: Target & { readonly pattern: string } & Parameters<typeof scopeOf>[0],
  shell: Shell,
  order: (control: Control, scope: Scope) => Promise<CordonedHosts>,
) {
  if (args.pattern.trim() === "") throw usageError("pattern", "is empty", "write 'all' for every host");
  const scope = await scopeOf(args, shell);
  await checkTarget(args);
  const { connect } = await import("../connection.ts");
  const document = cordonsDocument(await order(await connect(shell), scope));
  tellReached(document, shell);
  await emit({ document, table: (paint) => renderCordons(document, paint) }, args, shell);
  return document.notEnrolled.length > 0 ? EXIT.unreachable : EXIT.ok;
}
