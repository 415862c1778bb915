import { existsSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { isHostName, type Labels, parseLabel } from "@afterpatch/core/labels";
import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { whatNext } from "../enroll/what-next.ts";
import { DEFAULT_STATE_DIR } from "../plain-scan.ts";
import { version } from "../version.ts";

interface EnrollOptions extends GlobalOptions {
  readonly controller: string;
  readonly "token-file": string;
  readonly name: string | undefined;
  readonly label: readonly string[] | undefined;
}

/** Joins this host to a controller. */
export const enroll: CommandModule<GlobalOptions, EnrollOptions> = {
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
      .option("name", { type: "string", requiresArg: true, describe: "Name of this host [its host name]" })
      .option("label", { type: "string", array: true, requiresArg: true, describe: "KEY=VALUE; may be repeated" })
      .example("$0 enroll --controller ctl.example.net:7444 --token-file join.token --label zone=a", ""),
  handler: join,
};

async function join(options: EnrollOptions): Promise<void> {
  const [{ enroll: enrollHost }, { EnrollError }, { readToken }, { parseAddress, formatAddress }] = await Promise.all([
    import("../enroll/enroll.ts"),
    import("../enroll/error.ts"),
    import("../enroll/token-file.ts"),
    import("@afterpatch/wire/address"),
  ]);
  const controller = parseAddress(options.controller);
  if (!controller) throw usageError(`--controller ${options.controller}`, "not HOST:PORT", "give its enrol port");
  const name = options.name ?? hostname().toLowerCase();
  if (!isHostName(name)) throw usageError(`name '${name}'`, "not a host name", "give another with --name");
  const labels = labelsOf(options.label ?? []);
  try {
    const token = await readToken(options["token-file"]);
    const { stateDir } = options;
    const identity = await enrollHost({
      controller,
      token,
      name,
      labels,
      stateDir,
      agentVersion: version,
      now: Date.now,
    });
    const where = formatAddress(identity.fleetAddress);
    process.stdout.write(
      `enrolled as ${identity.name} (${identity.hostId}), controller ${where}\nNext: ${next(options)}\n`,
    );
  } catch (error) {
    if (!(error instanceof EnrollError)) throw error;
    throw new CommandError(error.exitCode, error.what, error.why, error.todo, { cause: error });
  }
}

function next({ config, stateDir }: GlobalOptions): string {
  const starters = {
    isSystemd: statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() === true, // sd_booted(3)
    hasInitScript: existsSync("/etc/init.d/afterpatch-agent"),
  };
  const isDefault = resolve(stateDir) === DEFAULT_STATE_DIR;
  // The daemon stands elsewhere than whoever joined the host.
  const places = {
    config: config === undefined ? null : resolve(config),
    stateDir: isDefault ? null : resolve(stateDir),
  };
  return whatNext(places, starters);
}

function labelsOf(texts: readonly string[]): Labels {
  const labels = new Map<string, string>();
  for (const text of texts) {
    const label = parseLabel(text);
    if (label.kind === "bad") throw usageError("--label", label.why, "give KEY=VALUE");
    const { key, value } = label;
    if ((labels.get(key) ?? value) !== value) throw usageError(`--label ${key}`, "is given twice", "give it once");
    labels.set(key, value);
  }
  return Object.fromEntries(labels);
}
