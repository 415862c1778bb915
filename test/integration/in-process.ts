import { join } from "node:path";
import { initialise } from "@afterpatch/controller/ca/init";
import { systemClock } from "@afterpatch/controller/clock";
import type { Config } from "@afterpatch/controller/config/config";
import { type Controller, openController } from "@afterpatch/controller/controller";
import type { Log } from "@afterpatch/controller/ports";
import { buildServices, type ControllerDeps, type Services } from "@afterpatch/controller/services";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "./programs.ts";

export interface OpenedController extends Controller {
  readonly dataDir: string;
  /** Messages and fields of everything it has logged so far, as text. */
  output(): string;
}

/** A data directory for localhost, made in this process. */
export async function dataDirectory(): Promise<string> {
  const dataDir = join(await temporaryDirectory(), "controller");
  await initialise(dataDir, { names: ["localhost", "127.0.0.1"], port: 7443, enrolPort: 7444 }, Date.now());
  return dataDir;
}

/** A controller in this process on free ports, with real sockets and files; closed after the test. */
export async function controllerHere(
  services: (deps: ControllerDeps) => Services = buildServices,
  config?: Config,
  known?: string,
): Promise<OpenedController> {
  const dataDir = known ?? (await dataDirectory());
  const lines: string[] = [];
  const keep = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { info: keep, warn: keep, error: keep };
  const controller = await openController({
    dataDir,
    listen: undefined,
    port: 0,
    enrolPort: 0,
    httpPort: 0,
    hooksDir: "/etc/afterpatch/hooks",
    ...(config ? { config } : {}),
    version: "0.0.0-test",
    clock: systemClock,
    log,
    whenBroken: () => undefined,
    services,
  });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await controller.close();
    isOpen = false;
  };
  onTestFinished(close);
  return { ...controller, close, dataDir, output: () => lines.join("\n") };
}
