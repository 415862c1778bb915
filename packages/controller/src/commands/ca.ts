import { join } from "node:path";
import type { CommandModule } from "yargs";

interface RenewArguments {
  readonly "data-dir": string;
  readonly "root-key": string | undefined;
}

/** `ca-renew`: another issuing CA, with a root key that may be kept elsewhere. */
export const caRenewCommand: CommandModule<object, RenewArguments> = {
  command: "ca-renew",
  describe: "Make a new issuing CA, signed by the root; agents and operators notice nothing",
  builder: (yargs) =>
    yargs
      .option("data-dir", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Directory that init made",
      })
      .option("root-key", {
        type: "string",
        requiresArg: true,
        describe: "The root's private key, where it is kept elsewhere [ca/root.key in the data directory]",
      })
      .example("$0 ca-renew --data-dir /var/lib/afterpatch/controller --root-key /mnt/safe/root.key", "")
      .epilogue("Exit codes: 0 renewed, 1 internal error, 5 usage, or no fit root key."),
  handler: async (args) => {
    const [{ checkData }, { renewIssuing }] = await Promise.all([import("./data.ts"), import("../ca/authority.ts")]);
    await checkData(args["data-dir"]);
    const directory = join(args["data-dir"], "ca");
    await renewIssuing(directory, args["root-key"] ?? join(directory, "root.key"), Date.now());
    process.stdout.write(
      `A new issuing CA is in ${directory}; a controller that runs takes it within an hour, or when it is restarted\n`,
    );
  },
};
