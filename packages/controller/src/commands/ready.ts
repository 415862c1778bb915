import { CommandError, usageError } from "@afterpatch/core/command-error";
import { durationOf, wholeNumberOf } from "@afterpatch/core/command-line";
import { formatDuration } from "@afterpatch/core/duration";
import { EXIT } from "@afterpatch/core/exit";
import type { CommandModule } from "yargs";

interface ReadyArguments {
  readonly "data-dir": string;
  readonly wait: string | undefined;
  readonly pid: string | undefined;
}

/** The largest that Linux gives on 64 bits (proc(5), pid_max). */
const LARGEST_PID = 4_194_304;

/** `ready`: whether the controller of a data directory answers on its ports; its unit has started when it does. */
export const readyCommand: CommandModule<object, ReadyArguments> = {
  command: "ready",
  describe: "Say whether the controller of a data directory serves, or wait until it does",
  builder: (yargs) =>
    yargs
      .option("data-dir", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Directory that init made",
      })
      .option("wait", {
        type: "string",
        requiresArg: true,
        describe: "How long at most, like 60s [default: not at all]",
      })
      .option("pid", {
        type: "string",
        requiresArg: true,
        describe: "Process that is to serve: once it has ended, nothing is waited for",
      })
      .example("$0 ready --data-dir /var/lib/afterpatch/controller --wait 60s", "")
      .epilogue("Exit codes: 0 it serves, 1 internal error, 4 it does not, 5 usage, or no such data directory."),
  handler: async (args) => {
    const dataDir = args["data-dir"];
    const waitMs = durationOf("--wait", args.wait) ?? 0;
    const pid = args.pid === undefined ? null : wholeNumberOf("--pid", args.pid, 1, LARGEST_PID);
    const [{ checkData }, { whenReady }] = await Promise.all([import("./data.ts"), import("../local/ready.ts")]);
    await checkData(dataDir);
    const found = await whenReady(dataDir, { waitMs, pid });
    if (found.kind === "ready") {
      const { fleet, enrol, http } = found.ports;
      process.stdout.write(`Serves: fleet port ${fleet}, enrol port ${enrol}, HTTP port ${http} on loopback\n`);
      return;
    }
    const todo = "see its log, such as 'journalctl -u afterpatch-controller'";
    const after = waitMs === 0 ? "" : ` after ${formatDuration(waitMs)}`;
    switch (found.kind) {
      case "not-yet":
        throw new CommandError(EXIT.unreachable, dataDir, `no controller serves it${after}`, todo);
      case "ended":
        throw new CommandError(EXIT.unreachable, dataDir, `process ${pid} has ended and does not serve it`, todo);
      case "another":
        throw new CommandError(EXIT.unreachable, dataDir, `process ${found.pid} serves it, not ${pid}`, todo);
      case "cannot-ask":
        throw usageError(dataDir, `its controller cannot be asked: ${found.why}`, "run as the user that it runs as");
      case "too-long":
        throw usageError(
          dataDir,
          "the path of its socket is too long",
          "give the directory a path of at most 90 bytes",
        );
    }
  },
};
