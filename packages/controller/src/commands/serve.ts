import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { echoed } from "@afterpatch/core/text";
import type { CommandModule } from "yargs";
import { addressOf, isHooksDir } from "../config/address.ts";
import { configured, DEFAULT_FILE } from "../config/read.ts";
import { version } from "../version.ts";
import { checkData } from "./data.ts";

interface ServeArguments {
  readonly "data-dir": string;
  readonly config: string | undefined;
  readonly listen: string | undefined;
  readonly port: string | undefined;
  readonly "enrol-port": string | undefined;
  readonly "http-port": string | undefined;
  readonly "hooks-dir": string | undefined;
}

const HTTP_PORT = 7480;
const HOOKS_DIR = "/etc/afterpatch/hooks";

/** `serve`: the controller, until SIGTERM or SIGINT. */
export const serveCommand: CommandModule<object, ServeArguments> = {
  command: "serve",
  describe: "Run the controller",
  builder: (yargs) =>
    yargs
      .option("data-dir", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Directory that init made",
      })
      .option("config", {
        type: "string",
        requiresArg: true,
        describe: `File with all that follows and more; what is given here wins [default: ${DEFAULT_FILE}, if it is there]`,
      })
      .option("listen", { type: "string", requiresArg: true, describe: "Address to listen on [default: all]" })
      .option("port", { type: "string", requiresArg: true, describe: "Fleet port [default: that of init]; 0: any" })
      .option("enrol-port", {
        type: "string",
        requiresArg: true,
        describe: "Enrol port [default: that of init]; 0: any",
      })
      .option("http-port", {
        type: "string",
        requiresArg: true,
        describe: "HTTP port on loopback [default: 7480]; 0: any",
      })
      .option("hooks-dir", {
        type: "string",
        requiresArg: true,
        describe: `Directory of the hooks and checks that rollouts may have run on this machine [default: ${HOOKS_DIR}]`,
      })
      .example("$0 serve --data-dir /var/lib/afterpatch/controller", "")
      .epilogue(
        "Exit codes: 0 ended by a signal, 1 internal error; corrupt, newer or locked store; 5 usage, a mistake in the file, or a port in use.",
      ),
  handler: async (args) => {
    const dataDir = args["data-dir"];
    const told = await orders(args);
    await checkData(dataDir);
    const [{ openController }, { buildServices }, { pino }, { systemClock }] = await Promise.all([
      import("../controller.ts"),
      import("../services.ts"),
      import("pino"),
      import("../clock.ts"),
    ]);
    const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
    const stop = Promise.withResolvers<string>();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop.resolve);
    const outside = { version, clock: systemClock, log };
    // At once: nothing that is still answered would be true.
    const whenBroken = () => process.exit(EXIT.internal);
    const options = { dataDir, ...told, ...outside, whenBroken, services: buildServices };
    const controller = await openController(options);
    const signal = await stop.promise;
    log.info({ signal }, "controller stopping");
    await controller.close();
    log.info({}, "controller stopped");
  },
};

/** By flags, then by the file. */
async function orders(args: ServeArguments) {
  // A mistake on the command line is told before one in a file.
  const flags = {
    listen: args.listen === undefined ? undefined : checkedAddress(args.listen),
    port: checkedPort("--port", args.port),
    enrolPort: checkedPort("--enrol-port", args["enrol-port"]),
    httpPort: checkedPort("--http-port", args["http-port"]),
    hooksDir: args["hooks-dir"] === undefined ? undefined : checkedHooksDir(args["hooks-dir"]),
  };
  const { listen, ports, hooksDir, config } = await configured(args.config);
  return {
    listen: flags.listen ?? listen,
    port: flags.port ?? ports.fleet,
    enrolPort: flags.enrolPort ?? ports.enrol,
    httpPort: flags.httpPort ?? ports.http ?? HTTP_PORT,
    hooksDir: flags.hooksDir ?? hooksDir ?? HOOKS_DIR,
    config,
  };
}

function checkedHooksDir(text: string): string {
  if (isHooksDir(text)) return text;
  throw usageError("--hooks-dir", `${echoed(text)} is not an absolute path`, "write one like /etc/afterpatch/hooks");
}

function checkedAddress(text: string): string {
  const address = addressOf(text);
  if (address !== null) return address;
  const hasPort = /^(?:[^:]+|\[.*\]):[0-9]+$/.test(text);
  const todo = hasPort
    ? "give the address alone, and the port with --port"
    : "give one of this machine, or leave it out";
  throw usageError("--listen", `${echoed(text)} is no address`, todo);
}

function checkedPort(option: string, port: string | undefined): number | undefined {
  return port === undefined ? undefined : wholeNumberOf(option, port, 0, 65_535);
}
