import { visible } from "@afterpatch/core/text";
import type { Performed, PerformOptions } from "../../ports.ts";
import { obstacleSince } from "../obstacle.ts";
import { isRunning } from "../processes.ts";
import type { Ran } from "../run.ts";
import { endSessions } from "../session/end-session.ts";
import { waitUntil } from "../wait.ts";
import { isOf, missingServer, namesOf, silentServices } from "./listening.ts";
import { type ReadServices, type SuperServer, waitingServers } from "./super-server.ts";

// Restarting a super-server is three things in this order: its waiting servers end, for they hold ports; it is restarted;
// every service of its configuration is served again, if need be after it has read that once more.

/** For its start. A port that it cannot bind it tries ten times within milliseconds and then gives the service up. */
const LISTEN_TIMEOUT_MS = 5000;
const POLL_MS = 200;
/** As often clients may bring a waiting server back before it is given up. */
const MOST_ROUNDS = 3;

/** Why the restart would cost a service, or null. */
export function superServerVeto({ manager, open }: SuperServer, readServices: ReadServices): string | null {
  if (manager !== "xinetd") return null; // inetd binds a port whatever it would start there
  const served = servicesOf(manager, readServices).filter((service) => open.some((socket) => isOf(service, socket)));
  const missing = missingServer(served);
  if (missing === null) return null;
  return `${visible(missing.path)}, the program of its service ${visible(missing.service.id)}, is not there or not executable, and that service would not be served any more`;
}

/** Ends the servers of `wait = yes`. Null when no port is held any more, else why not: then nothing must be restarted. */
export async function endWaiting(
  name: string,
  server: SuperServer,
  readServices: ReadServices,
  { graceMs, obstacle }: Pick<PerformOptions, "graceMs" | "obstacle">,
): Promise<Performed | null> {
  const begunAt = performance.now();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const services = servicesOf(server.manager, readServices);
    const waiting = waitingServers(server, services);
    if (waiting.sessions.length === 0) return heldOff(name, await obstacleSince(begunAt, obstacle));
    const ended = await endSessions(`the services that wait on ${waiting.ports.join(", ")}`, waiting, graceMs);
    if (ended.outcome !== "done")
      return { outcome: "failed", detail: `${name} was not restarted, its ports are held: ${ended.detail}` };
  }
  const { ports } = waitingServers(server, servicesOf(server.manager, readServices));
  if (ports.length === 0) return heldOff(name, await obstacleSince(begunAt, obstacle));
  const why = `clients start its server on ${ports.join(", ")} again as often as it is ended (wait = yes), and that port would be lost`;
  return { outcome: "vetoed", detail: `${name} was not restarted: ${why}` };
}

/** The servers that were ended come back with the next client, as they always do. */
function heldOff(name: string, why: string | null): Performed | null {
  if (why === null) return null;
  return { outcome: "vetoed", detail: `${name} was not restarted, though its waiting servers were ended: ${why}` };
}

/**
 * After the restart: waits until everything is served, has the configuration read once more if not, and says what is
 * left. `pidsNow`: the super-server as it is now. `reload` null: it cannot be told to.
 */
export async function servedAgain(
  restarted: Performed,
  server: SuperServer,
  readServices: ReadServices,
  pidsNow: () => readonly number[],
  reload: (() => Promise<Ran>) | null,
): Promise<Performed> {
  const silent = () => silentServices(server, pidsNow(), servicesOf(server.manager, readServices));
  const lost = () => silent().filter(({ wasServed }) => wasServed);
  let told = "";
  if (!(await waitUntil(() => lost().length === 0, LISTEN_TIMEOUT_MS, POLL_MS))) {
    told = await readAgain(server, readServices, reload);
    if (told === "") await waitUntil(() => lost().length === 0, LISTEN_TIMEOUT_MS, POLL_MS);
  }
  const gone = lost();
  if (gone.length > 0) {
    const how = told === "" ? " even after a reload" : `; ${told}`;
    return { outcome: "failed", detail: `${restarted.detail}, but does not serve ${namesOf(gone, pidsNow())}${how}` };
  }
  const never = silent();
  const also = never.length === 0 ? "" : `; as before, it does not serve ${namesOf(never, pidsNow())}`;
  return { ...restarted, detail: `${restarted.detail}${also}${remaining(server)}` };
}

/** Empty when it was told to read its configuration, else why not. */
async function readAgain(
  { manager }: SuperServer,
  readServices: ReadServices,
  reload: (() => Promise<Ran>) | null,
): Promise<string> {
  if (reload === null) return "it cannot be told to read its configuration once more";
  const missing = manager === "xinetd" ? missingServer(servicesOf(manager, readServices)) : null;
  if (missing !== null) {
    return `it was not told to read its configuration once more, which would end the sessions of ${visible(missing.service.id)}: ${visible(missing.path)} is not there or not executable`;
  }
  const { status, complaint } = await reload();
  return status === 0 ? "" : `its reload failed: ${visible(complaint)}`;
}

/** What the restart left: sessions from before it, which the scan that follows judges. */
function remaining({ others }: SuperServer): string {
  const left = others.filter(isRunning).length;
  if (left === 0) return "";
  return `; ${left === 1 ? "1 process" : `${left} processes`} of sessions that were open ${left === 1 ? "goes" : "go"} on`;
}

function servicesOf(manager: SuperServer["manager"], readServices: ReadServices) {
  return readServices().filter((service) => service.manager === manager && service.enabled);
}
