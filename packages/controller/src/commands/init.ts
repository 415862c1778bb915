import { isIP } from "node:net";
import { usageError } from "@afterpatch/core/command-error";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { echoed } from "@afterpatch/core/text";
import { isName } from "@afterpatch/wire/address";
import type { CommandModule } from "yargs";

interface InitArguments {
  readonly "data-dir": string;
  readonly name: readonly string[];
  readonly port: string;
  readonly "enrol-port": string;
}

/** `init`: a new data directory with CA, store and the first operator's credentials. */
export const initCommand: CommandModule<object, InitArguments> = {
  command: "init",
  describe: "Make a private CA, the store and the first operator's credentials",
  builder: (yargs) =>
    yargs
      .option("data-dir", { type: "string", demandOption: true, describe: "New or empty directory", requiresArg: true })
      .option("name", {
        type: "string",
        array: true,
        demandOption: true,
        requiresArg: true,
        describe: "DNS name or IP address of the controller; the first is what agents and operators are given",
      })
      .option("port", {
        type: "string",
        default: "7443",
        requiresArg: true,
        describe: "Fleet port (agents, operators)",
      })
      .option("enrol-port", { type: "string", default: "7444", requiresArg: true, describe: "Port where hosts join" })
      .example("$0 init --data-dir /var/lib/afterpatch/controller --name ctl.example.net", "")
      .epilogue("Exit codes: 0 made, 1 internal error, 5 usage, or a directory that is not empty."),
  handler: async (args) => {
    const names = checkedNames(args.name);
    const settings = {
      names,
      port: wholeNumberOf("--port", args.port, 1, 65_535),
      enrolPort: wholeNumberOf("--enrol-port", args["enrol-port"], 1, 65_535),
    };
    if (settings.port === settings.enrolPort)
      throw usageError("--enrol-port", "same as --port", "give two different ports");
    const { initialise } = await import("../ca/init.ts");
    await initialise(args["data-dir"], settings, Date.now());
    const directory = args["data-dir"];
    process.stdout.write(
      `CA, store and operator credentials are in ${directory}\n` +
        `Next: afterpatch-controller serve --data-dir ${directory}\n` +
        `      export AFTERPATCH_CREDENTIALS=${directory}/admin\n`,
    );
  },
};

function checkedNames(names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  for (const name of names.map(checkedName)) {
    const key = name.toLowerCase();
    if (seen.has(key)) throw usageError("--name", `${echoed(name)} is given twice`, "give each name once");
    seen.add(key);
  }
  return names;
}

function checkedName(name: string): string {
  if (isIP(name) === 0 && !isName(name))
    throw usageError("--name", `${echoed(name)} is not a DNS name or IP address`, "give one");
  return name;
}
