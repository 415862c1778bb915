import { hostname } from "node:os";
import { isHostName, parseLabel } from "@afterpatch/core/labels";
import type { CommandModule } from "yargs";

interface EnrollArguments {
  readonly controller: string;
  readonly "token-file": string;
  readonly name: string | undefined;
  readonly label: readonly string[] | undefined;
  readonly "state-dir": string;
}

/** `enroll`: joins this host to a controller. */
export const enrollCommand: CommandModule<object, EnrollArguments> = {
  command: "enroll",
  describe: "Join this host to a controller",
  builder: (yargs) =>
    yargs
      .option("controller", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "HOST:PORT of its enrol port",
      })
      .option("token-file", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "File with a join token; - reads standard input",
      })
      .option("name", { type: "string", requiresArg: true, describe: "Name of this host [default: its host name]" })
      .option("label", { type: "string", array: true, requiresArg: true, describe: "KEY=VALUE; may be repeated" })
      .option("state-dir", {
        type: "string",
        default: "/var/lib/afterpatch/agent",
        requiresArg: true,
        describe: "Where the agent keeps its identity",
      })
      .example(
        "$0 enroll --controller ctl.example.net:7444 --token-file join.token --label zone=a",
        "join as this host's name",
      ),
  handler: async (args) => {
    process.exitCode = await run(args);
  },
};

async function run(args: EnrollArguments): Promise<number> {
  const [{ enroll }, { EnrollError }, { readToken }, { parseAddress, formatAddress }, { version }] = await Promise.all([
    import("../enroll/enroll.ts"),
    import("../enroll/error.ts"),
    import("../enroll/token-file.ts"),
    import("@afterpatch/wire/address"),
    import("../version.ts"),
  ]);
  const controller = parseAddress(String(args.controller));
  if (!controller) return complain(`--controller ${args.controller}: not HOST:PORT; give the controller's enrol port`);
  const name = args.name ?? hostname().toLowerCase();
  if (!isHostName(name)) return complain(`name '${name}': not a host name; give another with --name`);
  const labels: Record<string, string> = {};
  for (const text of args.label ?? []) {
    const label = parseLabel(text);
    if (label.kind === "bad") return complain(`--label: ${label.why}; give KEY=VALUE`);
    if ((labels[label.key] ?? label.value) !== label.value)
      return complain(`--label ${label.key}: given twice; give it once`);
    labels[label.key] = label.value;
  }
  try {
    const token = await readToken(args["token-file"]);
    const stateDir = args["state-dir"];
    const identity = await enroll({ controller, token, name, labels, stateDir, agentVersion: version, now: Date.now });
    process.stdout.write(
      `enrolled as ${identity.name} (${identity.hostId}), controller ${formatAddress(identity.fleetAddress)}\n`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof EnrollError)) throw error;
    return complain(error.message, error.exitCode);
  }
}

function complain(message: string, exitCode = 5): number {
  process.stderr.write(`afterpatch-agent: ${message}\n`);
  return exitCode;
}
