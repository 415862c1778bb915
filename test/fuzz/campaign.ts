import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { initialise } from "@afterpatch/controller/ca/init";
import { type ClientIdentity, controllerClient } from "@afterpatch/wire/credentials";
import { call } from "@afterpatch/wire/rpc";
import { controlService, trustService } from "@afterpatch/wire/services";
import { parseToken } from "@afterpatch/wire/token";
import { type FramesDone, malformedFrames } from "./frames.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface CampaignDone extends FramesDone {
  readonly complaints: readonly string[];
}

/** A controller of its own, as it is served; malformed frames from strangers, a host and an operator; then it must work as before. */
export async function framesAtAController(count: number, seed: number): Promise<CampaignDone> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-fuzz-"));
  const dataDir = join(folder, "controller");
  await initialise(dataDir, { names: ["localhost"], port: 7443, enrolPort: 7444 }, Date.now());
  const serve = ["serve", "--data-dir", dataDir, "--port", "0", "--enrol-port", "0", "--http-port", "0"];
  const main = join(ROOT, "packages/controller/src/main.ts");
  const child = spawn("sh", [join(ROOT, "test/node.sh"), main, ...serve], { stdio: ["ignore", "pipe", "inherit"] });
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-200_000);
  });
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  try {
    await until(() => log.includes("controller ready"));
    const { pid, fleet, enrol } = JSON.parse(await readFile(join(dataDir, "run/ports.json"), "utf8"));
    const admin = await filesOf(dataDir);
    const token = parseToken(await tokenFrom(fleet, admin));
    if (!token) throw new Error("the controller made no token");
    const stateDir = join(folder, "agent");
    const host = await enroll({
      ...{ controller: { host: "localhost", port: enrol }, token, name: "web01", labels: {} },
      ...{ stateDir, agentVersion: "0", now: Date.now },
    });
    const done = await malformedFrames(
      [
        { name: "stranger at the enrol port", port: enrol, identity: { ca: admin.ca } },
        { name: "host at the fleet port", port: fleet, identity: { ca: host.ca, cert: host.cert, key: host.key } },
        { name: "admin at the fleet port", port: fleet, identity: admin },
      ],
      pid,
      count,
      seed,
    );
    return { ...done, complaints: await complaintsOf(child.exitCode, log, fleet, admin, done) };
  } finally {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

/** Memory that stays is a leak: a fifth more than after the first half is one. */
const MOST_GROWTH = 1.2;
/** A young heap grows whatever it does. */
const YOUNG_BYTES = 300 * 1024 * 1024;

async function complaintsOf(exit: number | null, log: string, port: number, admin: ClientIdentity, done: FramesDone) {
  const complaints: string[] = [];
  if (exit !== null) complaints.push(`the controller ended with ${exit}`);
  const works = await tokenFrom(port, admin).then(() => null, String);
  if (works !== null) complaints.push(`it does not work any more: ${works}`);
  const client = controllerClient({ host: "localhost", port }, admin);
  try {
    const { entries } = await call(client, trustService.listAudit, { after: 0, limit: 1000, newest: false }, 10_000);
    // Two tokens and one host by us; whatever else was done, malformed frames have done it.
    const done = entries.filter(({ action }) => action !== "controller.start" && action !== "operator.add");
    if (done.length !== 3)
      complaints.push(`${done.length - 3} changes by malformed frames: ${JSON.stringify(done.slice(0, 5))}`);
  } finally {
    client.close();
  }
  if (done.rssAfter > YOUNG_BYTES && done.rssAfter > done.rssBefore * MOST_GROWTH)
    complaints.push(`memory grew from ${done.rssBefore} to ${done.rssAfter} bytes`);
  const failures = log.split("\n").filter((line) => /"level":(?:50|60)/.test(line));
  if (failures.length > 0) complaints.push(`${failures.length} errors in its log: ${failures[0]}`);
  return complaints;
}

async function filesOf(dataDir: string): Promise<Required<ClientIdentity>> {
  const file = (name: string) => readFile(join(dataDir, "admin", name), "utf8");
  return { ca: await file("ca.crt"), cert: await file("operator.crt"), key: await file("operator.key") };
}

async function tokenFrom(port: number, identity: ClientIdentity): Promise<string> {
  const client = controllerClient({ host: "localhost", port }, identity);
  try {
    return (await call(client, controlService.createToken, { uses: 1, expiresMs: 60_000, labels: {} }, 10_000)).token;
  } finally {
    client.close();
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error("the controller did not start");
    await new Promise((settle) => setTimeout(settle, 20));
  }
}
