import type { Remedy, Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll } from "vitest";
import type { Payload } from "../../e2e/payload.ts";
import { execOk, type Host } from "../host.ts";
import { down, hostOf, up } from "../lab.ts";
import { bringDaemon, stageRemedies } from "./services.ts";

/** What tests ask of their host. */
export interface SystemdHost {
  host(): Host;
  scan(): Promise<Scan>;
  /** The first remedy found for what belongs to `owner`; undefined when nothing of it is old. */
  remedyOf(owner: string): Promise<Remedy | undefined>;
}

/** One host with systemd, the agent and two builds of the daemon, for as long as the tests around the call run. */
export function systemdHost(name: string): SystemdHost {
  let payload: Payload | undefined;
  let made: Host | undefined;

  beforeAll(async () => {
    payload = await stageRemedies();
    made = hostOf(await up({ name, hosts: 1, payload: payload.directory }), 1);
    await execOk(made, ["ln", "-s", "/opt/afterpatch/bin/afterpatch-agent", "/usr/bin/afterpatch-agent"]);
    await bringDaemon(made);
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const host = () => {
    if (made === undefined) throw new Error(`${name}: not made yet`);
    return made;
  };
  // Its schema is checked elsewhere.
  const scan = async () => JSON.parse(await execOk(host(), ["afterpatch-agent", "scan", "-o", "json"])) as Scan;
  return {
    host,
    scan,
    remedyOf: async (owner) => (await scan()).findings.find((finding) => finding.owner.name === owner)?.remedy,
  };
}
