import { foldHosts } from "@afterpatch/core/fleet/ranges";
import { EXIT } from "@afterpatch/core/exit";
import { command } from "../command.ts";
import { statusDocument } from "../documents/status.ts";
import { tellReached } from "../documents/reached.ts";
import { checkTarget, emit } from "../output.ts";
import { counted, table } from "../render/table.ts";
import { scopeOf, scopeOptions } from "./scope-options.ts";

const COLUMNS = ["HOST", "STATE", "LABELS"].map((title) => ({ title }));
const WIDE = [...COLUMNS, { title: "AGENT" }, { title: "ID" }];

export const hostsList = command({
  syntax: "list [pattern]",
  summary: "Which hosts a pattern selects, in the order in which it does; 'list' may be left out",
  options: (parser) =>
    scopeOptions(parser).positional("pattern", { type: "string", describe: "Hosts; all if not given" }),
  exits:
    "0 shown, 4 controller unreachable or a host of the inventory is not enrolled, 5 usage or credentials, 6 no such host",
  examples: [
    ["afterpatch hosts 'role=web,!web03'", "what a pattern means before it is used"],
    ["afterpatch hosts 'web:!canary' -i production/", "groups of an Ansible inventory"],
    ["afterpatch hosts list all -o wide", "with ids and versions of the agents"],
  ],
  run: async (args, shell) => {
    const scope = await scopeOf(args, shell);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const { hosts: all, ...reached } = statusDocument(
      await control.listHosts(args.pattern ?? "", false, scope, "hosts"),
    );
    const { notEnrolled, notes } = reached;
    tellReached(reached, shell);
    const hosts = all.map(({ name, id, state, labels, agentVersion }) => ({ name, id, state, labels, agentVersion }));
    const none = "No hosts yet; make a join token with 'afterpatch token create'.\n";
    await emit(
      {
        document: { schema: "afterpatch.hosts/v1", hosts, notEnrolled, notes },
        lines: hosts,
        table: (paint, isWide) => {
          if (hosts.length === 0) return none;
          const rows = hosts.map(({ name, state, labels, agentVersion, id }) => {
            const its = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
            const cells = [name, state, its.sort().join(",") || "-", ...(isWide ? [agentVersion ?? "?", id] : [])];
            return cells.map((text) => ({ text }));
          });
          const folded = foldHosts(hosts.map(({ name }) => name));
          return `${table(isWide ? WIDE : COLUMNS, rows, paint)}\n${counted(hosts.length, "host")}: ${folded}\n`;
        },
      },
      args,
      shell,
    );
    return notEnrolled.length > 0 ? EXIT.unreachable : EXIT.ok;
  },
});
