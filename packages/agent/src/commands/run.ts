import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";

/** The daemon. */
export const run: CommandModule<GlobalOptions, GlobalOptions> = {
  command: "run",
  describe: "Stay connected to the controller: report, and carry out what it permits",
  builder: (yargs) =>
    yargs
      .example("$0 run", "as the systemd unit afterpatch-agent.service does")
      .example("$0 run --state-dir S", "with the identity that enroll wrote to S"),
  handler: async (args) => {
    const daemon = await import("../session/daemon.ts");
    process.exitCode = await daemon.run(args);
  },
};
