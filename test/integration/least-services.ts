import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createToken } from "@afterpatch/controller/api/trust/tokens";
import { buildServices, type ControllerDeps, type Services } from "@afterpatch/controller/services";
import type { ClientIdentity } from "@afterpatch/wire/credentials";
import { duplex, unary } from "@afterpatch/wire/rpc";
import { agentService, controlService } from "@afterpatch/wire/services";

/** Of three thousand hosts with work to do. */
export const LARGE_PLAN = { digest: "x".repeat(12_000_000), waves: [], uncovered: [], ramp: [] };

/** The real enrolment and tokens; the agent's stream and the list of hosts answer the least they can. */
export function leastServices(deps: ControllerDeps): Services {
  const services = buildServices(deps);
  const { tokens } = deps.store;
  const connect = duplex<unknown, { welcome: { epoch: number } }>(async (stream) => {
    stream.write({ welcome: { epoch: deps.epoch } });
    await new Promise((settle) => stream.once("close", settle));
  });
  const control = {
    createToken: createToken({ tokens, pin: deps.authority.pin, clock: deps.clock, log: deps.log }),
    listHosts: unary(async () => ({ hosts: [] })),
    planFleet: unary(async () => LARGE_PLAN),
  };
  const fleet = [
    { definition: agentService, handlers: { connect } },
    { definition: controlService, handlers: control },
  ];
  return { ...services, fleet };
}

/** What `init` gave the first admin. */
export const adminFiles = async (dataDir: string): Promise<Required<ClientIdentity>> => {
  const [ca = "", cert = "", key = ""] = await Promise.all(
    ["ca.crt", "operator.crt", "operator.key"].map((name) => readFile(join(dataDir, "admin", name), "utf8")),
  );
  return { ca, cert, key };
};
