import { isIP } from "node:net";
import { isAbsolute, normalize } from "node:path";
import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { echoed } from "@afterpatch/core/text";
import { isName } from "@afterpatch/wire/address";
import type { CommandModule } from "yargs";
import { version } from "../version.ts";
import { checkData } from "./data.ts";

interface ServeArguments {
  readonly "data-dir": string;
  readonly listen: string | undefined;
  readonly port: string | undefined;
  readonly "enrol-port": string | undefined;
  readonly "http-port": string;
  readonly "hooks-dir": string;
}

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
      .option("listen", { type: "string", requiresArg: true, describe: "Address to listen on [default: all]" })
      .option("port", { type: "string", requiresArg: true, describe: "Fleet port [default: that of init]; 0: any" })
      .option("enrol-port", {
        type: "string",
        requiresArg: true,
        describe: "Enrol port [default: that of init]; 0: any",
      })
      .option("http-port", {
        type: "string",
        default: "7480",
        requiresArg: true,
        describe: "HTTP port on loopback; 0: any",
      })
      .option("hooks-dir", {
        type: "string",
        default: "/etc/afterpatch/hooks",
        requiresArg: true,
        describe: "Directory of the hooks and checks that rollouts may have run on this machine",
      })
      .example("$0 serve --data-dir /var/lib/afterpatch/controller", ""),
  handler: async (args) => {
    const dataDir = args["data-dir"];
    const ports = {
      listen: args.listen === undefined ? undefined : checkedAddress(args.listen),
      port: checkedPort("--port", args.port),
      enrolPort: checkedPort("--enrol-port", args["enrol-port"]),
      httpPort: checkedPort("--http-port", args["http-port"]) ?? 0,
    };
    const hooksDir = checkedHooksDir(args["hooks-dir"]);
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
    const options = { dataDir, hooksDir, ...ports, ...outside, whenBroken, services: buildServices };
    const controller = await openController(options);
    const signal = await stop.promise;
    log.info({ signal }, "controller stopping");
    await controller.close();
    log.info({}, "controller stopped");
  },
};

/** Rollouts name its programs with absolute paths. It need not be there. */
function checkedHooksDir(text: string): string {
  if (isAbsolute(text) && normalize(text) === text && !text.endsWith("/")) return text;
  throw usageError("--hooks-dir", `${echoed(text)} is not an absolute path`, "write one like /etc/afterpatch/hooks");
}

/** An address, or a name that resolves to one, of this machine; what else is wrong with it the system says. */
function checkedAddress(text: string): string {
  const address = text.replace(/^\[(.*)\]$/, "$1");
  // A link-local address names its interface: fe80::1%eth0.
  if (isIP(address) !== 0 || isName(address)) return address;
  const hasPort = /^(?:[^:]+|\[.*\]):[0-9]+$/.test(text);
  const todo = hasPort
    ? "give the address alone, and the port with --port"
    : "give one of this machine, or leave it out";
  throw usageError("--listen", `${echoed(text)} is no address`, todo);
}

function checkedPort(option: string, port: string | undefined): number | undefined {
  return port === undefined ? undefined : wholeNumberOf(option, port, 0, 65_535);
}
