import { EXIT, rolloutExitCode } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { command } from "../command.ts";
import { JUNIT, reportOf, withJunit } from "../junit.ts";
import { checkTarget, emit } from "../output.ts";
import { renderReport } from "../render/report.ts";

export const report = command({
  syntax: "report [id]",
  summary: "All that a rollout did on each host, who ordered it, and what proves it: for auditors and pipelines",
  options: (parser) =>
    parser
      .positional("id", { type: "string", describe: "Rollout, ended or not; the newest if not given" })
      .option("junit", JUNIT)
      .option("exit-code", {
        type: "boolean",
        default: false,
        describe: "Exit as the rollout ended, 10 while it runs, 7 while it waits",
      }),
  exits:
    "0 shown, 2 with --exit-code: a host failed, 3 with --exit-code: halted or aborted, 4 controller unreachable (with --exit-code also: hosts were not reached), 5 usage or credentials, 6 no such rollout, 7 with --exit-code: it waits, 10 with --exit-code: it runs",
  examples: [
    ["afterpatch report", "the newest"],
    ["afterpatch report 20261122-190312-9f3a2c1b -o json --out report.json", "for an auditor"],
    ["afterpatch report 20261122-190312-9f3a2c1b -o jsonl", "one host a line"],
    ["afterpatch report --junit afterpatch.xml", "for whoever shows results of tests"],
  ],
  run: async (args, shell) => {
    if (args.id === "") throw usageError("id", "is empty", "name a rollout, or leave it out");
    await checkTarget(args);
    return withJunit("report", args.junit, async (keep) => {
      const { connect } = await import("../connection.ts");
      const document = await reportOf(await connect(shell), args.id ?? "");
      await keep(async () => document);
      const lines = document.hosts.map((host) => ({ rollout: document.id, ...host }));
      await emit({ document, lines, table: (paint) => renderReport(document, paint) }, args, shell);
      return args.exitCode ? rolloutExitCode({ ...document, failOnResidue: false }) : EXIT.ok;
    });
  },
});
