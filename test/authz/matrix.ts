import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialise } from "@afterpatch/controller/ca/init";
import { systemClock } from "@afterpatch/controller/clock";
import { openController } from "@afterpatch/controller/controller";
import { isPermitted } from "@afterpatch/controller/listen/permissions";
import type { Service } from "@afterpatch/controller/listen/servers";
import { buildServices, type ControllerDeps, type Services } from "@afterpatch/controller/services";
import { controllerClient } from "@afterpatch/wire/credentials";
import { agentService, controlService, enrollService, trustService } from "@afterpatch/wire/services";
import * as grpc from "@grpc/grpc-js";
import { everybody, type Somebody } from "./identities.ts";

/** One call of one identity at one port. */
export interface Cell {
  readonly somebody: string;
  readonly port: "fleet" | "enrol";
  readonly method: string;
  readonly isExpected: boolean;
  /** A handler ran. */
  readonly isLetIn: boolean;
}

const METHODS: readonly grpc.MethodDefinition<unknown, unknown>[] = [
  agentService,
  controlService,
  trustService,
  enrollService,
].flatMap((service) => Object.values(service) as grpc.MethodDefinition<unknown, unknown>[]); // of many message types

const PATIENCE_MS = 10_000;

/**
 * Every method by every identity at both ports of a controller as it is served: real TLS, real store, real gate. What
 * answers is a handler that says that it was reached, and nothing else counts as let in.
 */
export async function authorisationMatrix(): Promise<readonly Cell[]> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-authz-"));
  const dataDir = join(folder, "controller");
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  await initialise(dataDir, { names: ["localhost"], port: 7443, enrolPort: 7444 }, Date.now());
  const controller = await openController({
    ...{ dataDir, hooksDir: "/etc/afterpatch/hooks", version: "0", clock: systemClock, log: quiet },
    ...{ listen: undefined, port: 0, enrolPort: 0, httpPort: 0, whenBroken: () => {}, services: reachable },
  });
  try {
    const all = await everybody(dataDir, controller.store, join(folder, "elsewhere"));
    const cells: Cell[] = [];
    for (const somebody of all)
      for (const port of ["fleet", "enrol"] as const)
        cells.push(...(await calls(somebody, port, controller.ports[port])));
    return cells;
  } finally {
    await controller.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function calls(somebody: Somebody, port: Cell["port"], number: number): Promise<readonly Cell[]> {
  const client = controllerClient({ host: "localhost", port: number }, somebody.identity);
  try {
    const cells: Cell[] = [];
    for (const method of METHODS) {
      const caller = port === "enrol" ? "anyone" : somebody.as;
      const isExpected = caller !== null && isAt(method.path, port) && isPermitted(method.path, caller);
      const isLetIn = (await codeOf(client, method)) === REACHED;
      cells.push({ somebody: somebody.name, port, method: method.path, isExpected, isLetIn });
    }
    return cells;
  } finally {
    client.close();
  }
}

const isAt = (path: string, port: Cell["port"]): boolean => path.includes(".EnrollService/") === (port === "enrol");

/** A status that nothing else here answers with. */
const REACHED = grpc.status.DATA_LOSS;

function codeOf(client: grpc.Client, method: grpc.MethodDefinition<unknown, unknown>): Promise<grpc.status> {
  const empty = () => Buffer.alloc(0);
  const same = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + PATIENCE_MS };
  return new Promise((resolve) => {
    const stream = client.makeBidiStreamRequest(method.path, empty, same, new grpc.Metadata(), options);
    stream.on("status", ({ code }: grpc.StatusObject) => resolve(code));
    stream.on("error", () => undefined); // its status says it
    stream.on("data", () => undefined);
    stream.write({});
    stream.end();
  });
}

/** The services of the product, in which each handler does no more than tell that it was reached. */
function reachable(deps: ControllerDeps): Services {
  const services = buildServices(deps);
  return { ...services, fleet: services.fleet.map(telling), enrol: services.enrol.map(telling) };
}

function telling({ definition, handlers }: Service): Service {
  const told = { code: REACHED, details: "reached" };
  const tell = (call: unknown, answer?: (error: object) => void): void => {
    if (answer) answer(told);
    else (call as grpc.ServerDuplexStream<unknown, unknown>).emit("error", told); // streams have no callback
  };
  return { definition, handlers: Object.fromEntries(Object.keys(handlers).map((name) => [name, tell])) };
}

/** What was not as it should be; empty: all of it was. */
export function unexpected(cells: readonly Cell[]): readonly Cell[] {
  return cells.filter(({ isExpected, isLetIn }) => isExpected !== isLetIn);
}
