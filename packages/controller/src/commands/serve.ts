import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { Failure } from "../failure.ts";
import { version } from "../version.ts";

interface ServeArguments {
  readonly "data-dir": string;
  readonly listen: string | undefined;
  readonly port: number | undefined;
  readonly "enrol-port": number | undefined;
  readonly "http-port": number;
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
      .option("port", { type: "number", requiresArg: true, describe: "Fleet port [default: that of init]; 0: any" })
      .option("enrol-port", {
        type: "number",
        requiresArg: true,
        describe: "Enrol port [default: that of init]; 0: any",
      })
      .option("http-port", {
        type: "number",
        default: 7480,
        requiresArg: true,
        describe: "HTTP port on loopback; 0: any",
      })
      .example("$0 serve --data-dir /var/lib/afterpatch/controller", "on the ports of init"),
  handler: async (args) => {
    const dataDir = args["data-dir"];
    const port = checkedPort("--port", args.port);
    const enrolPort = checkedPort("--enrol-port", args["enrol-port"]);
    const httpPort = checkedPort("--http-port", args["http-port"]) ?? 0;
    if (!existsSync(join(dataDir, "ca"))) {
      throw new Failure(5, `${dataDir}: no controller here; run 'afterpatch-controller init' first`);
    }
    const [{ openController }, { buildServices }, { pino }, { systemClock }] = await Promise.all([
      import("../controller.ts"),
      import("../services.ts"),
      import("pino"),
      import("../clock.ts"),
    ]);
    const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
    const stop = Promise.withResolvers<string>();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop.resolve);
    const ports = { listen: args.listen, port, enrolPort, httpPort };
    const outside = { version, clock: systemClock, log };
    const controller = await openController({ dataDir, ...ports, ...outside, services: buildServices });
    const signal = await stop.promise;
    log.info({ signal }, "controller stopping");
    await controller.close();
    log.info({}, "controller stopped");
  },
};

function checkedPort(option: string, port: number | undefined): number | undefined {
  if (port !== undefined && (!Number.isInteger(port) || port < 0 || port > 65535)) {
    throw new Failure(5, `${option}: not a port; give 0 to 65535`);
  }
  return port;
}
