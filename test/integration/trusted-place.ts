import { join } from "node:path";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { type Identity, loadIdentity } from "@afterpatch/agent/identity/identity";
import { parseToken } from "@afterpatch/wire/token";
import { cli, type Ended } from "./cli-process.ts";
import { controllerHere, type OpenedController } from "./in-process.ts";
import { newToken, temporaryDirectory } from "./programs.ts";

/** A controller in this process with the real services, and the command line as it is typed. */
export interface TrustedPlace {
  readonly controller: OpenedController;
  /** As the first admin. */
  admin(...args: readonly string[]): Promise<Ended>;
  /** As whoever's credentials are in `directory`. */
  as(directory: string, ...args: readonly string[]): Promise<Ended>;
  /** Where somebody who logs in keeps credentials. */
  home(): Promise<string>;
  join(name: string): Promise<{ readonly identity: Identity; readonly stateDir: string }>;
}

export async function trustedPlace(): Promise<TrustedPlace> {
  const controller = await controllerHere();
  const as = (directory: string, ...args: readonly string[]) =>
    cli([...args, "--controller", `localhost:${controller.ports.fleet}`, "--credentials", directory]).ended;
  return {
    controller,
    as,
    admin: (...args) => as(join(controller.dataDir, "admin"), ...args),
    home: async () => join(await temporaryDirectory(), "credentials"),
    async join(name) {
      const token = parseToken(await newToken(controller));
      if (!token) throw new Error("the controller made no token");
      const address = { host: "localhost", port: controller.ports.enrol };
      const stateDir = await temporaryDirectory();
      await enroll({ controller: address, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
      return { identity: await loadIdentity(stateDir), stateDir };
    },
  };
}
