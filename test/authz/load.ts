import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAuthority } from "@afterpatch/controller/ca/authority";
import { initialise } from "@afterpatch/controller/ca/init";
import { systemClock } from "@afterpatch/controller/clock";
import { type Controller, openController } from "@afterpatch/controller/controller";
import { buildServices } from "@afterpatch/controller/services";
import { fromAgentToWire, toAgentFromWire } from "@afterpatch/wire/convert/session";
import { type ClientIdentity, controllerClient } from "@afterpatch/wire/credentials";
import { spkiSha256 } from "@afterpatch/wire/pem";
import { certificateRequest, newKey } from "@afterpatch/wire/request";
import { call, open, received } from "@afterpatch/wire/rpc";
import { agentService, trustService } from "@afterpatch/wire/services";
import { readFile } from "node:fs/promises";

export interface LoadDone {
  readonly hosts: number;
  readonly revoked: number;
  /** From the order to the end of the stream, of the slowest. */
  readonly slowestCutMs: number;
  readonly cameBack: number;
  readonly renewals: number;
  readonly renewalsFailed: number;
  /** Streams of hosts that were not revoked, and ended all the same. */
  readonly lostStreams: number;
}

interface Joined {
  readonly id: string;
  readonly name: string;
  readonly identity: Required<ClientIdentity>;
}

/** Streams of many hosts that report without a pause; a third of them is revoked meanwhile, and every other one renews. */
export async function underLoad(hosts: number): Promise<LoadDone> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-load-"));
  const dataDir = join(folder, "controller");
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  await initialise(dataDir, { names: ["localhost"], port: 7443, enrolPort: 7444 }, Date.now());
  const controller = await openController({
    ...{ dataDir, hooksDir: "/etc/afterpatch/hooks", version: "0", clock: systemClock, log: quiet },
    ...{ listen: undefined, port: 0, enrolPort: 0, httpPort: 0, whenBroken: () => {}, services: buildServices },
  });
  try {
    return await measured(controller, dataDir, hosts);
  } finally {
    await controller.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(controller: Controller, dataDir: string, count: number): Promise<LoadDone> {
  const joined = await enrolled(controller, dataDir, count);
  const streams = await Promise.all(joined.map((host) => new Stream(controller, host).ready));
  const file = (name: string) => readFile(join(dataDir, "admin", name), "utf8");
  const admin = { ca: await file("ca.crt"), cert: await file("operator.crt"), key: await file("operator.key") };
  const operator = controllerClient({ host: "localhost", port: controller.ports.fleet }, admin);
  const doomed = streams.filter((_, nth) => nth % 3 === 0);
  const others = streams.filter((_, nth) => nth % 3 !== 0);
  const renewing = Promise.allSettled(others.map(({ host }) => renewed(controller, host)));
  const cuts: number[] = [];
  try {
    for (const stream of doomed) {
      const start = performance.now();
      const order = { host: stream.host.name, reason: "load" };
      await Promise.all([call(operator, trustService.revokeHost, order, 30_000), stream.ended]);
      cuts.push(performance.now() - start);
    }
  } finally {
    operator.close();
  }
  const renewals = await renewing;
  const back = await Promise.allSettled(doomed.map(({ host }) => new Stream(controller, host).ready));
  const lostStreams = others.filter(({ isOver }) => isOver).length;
  for (const stream of streams) stream.close();
  return {
    ...{ hosts: count, revoked: doomed.length, slowestCutMs: Math.round(Math.max(...cuts)), lostStreams },
    cameBack: back.filter(({ status }) => status === "fulfilled").length,
    renewals: renewals.filter(({ status }) => status === "fulfilled").length,
    renewalsFailed: renewals.filter(({ status }) => status === "rejected").length,
  };
}

/** Straight into the store: a fleet that is enrolled is not what is measured. */
async function enrolled({ store }: Controller, dataDir: string, count: number): Promise<readonly Joined[]> {
  const authority = await loadAuthority(join(dataDir, "ca"));
  const now = Date.now();
  const secretSha256 = new Uint8Array(32);
  const about = { expiresAt: now + 3_600_000, labels: {}, createdBy: "admin", createdAt: now, operator: null };
  await store.tokens.create({ id: "load", secretSha256, uses: count, ...about });
  const joined: Joined[] = [];
  for (let nth = 0; nth < count; nth++) {
    const id = `01JD${String(nth).padStart(22, "0")}`;
    const name = `web${nth}`;
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const certificate = await authority.issueHost(id, publicKey, now);
    const application = {
      tokenId: "load",
      secretSha256,
      spkiSha256: spkiSha256(publicKey),
      name,
      labels: {},
      agentVersion: "0",
      now,
    };
    const redeemed = await store.enrolment.redeem(application, id, certificate);
    if (redeemed.kind !== "eligible") throw new Error(redeemed.kind);
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    joined.push({ id, name, identity: { ca: authority.root, cert: certificate.pem, key } });
  }
  return joined;
}

const REPORT_EVERY_MS = 100;

class Stream {
  readonly host: Joined;
  readonly ready: Promise<this>;
  readonly ended: Promise<void>;
  isOver = false;
  readonly #client: ReturnType<typeof controllerClient>;

  constructor({ ports }: Controller, host: Joined) {
    this.host = host;
    const client = controllerClient({ host: "localhost", port: ports.fleet }, host.identity);
    this.#client = client;
    const stream = open(client, agentService.connect);
    const ready = Promise.withResolvers<this>();
    this.ready = ready.promise;
    this.ended = (async () => {
      let timer: NodeJS.Timeout | undefined;
      try {
        for await (const message of received(stream)) {
          const told = toAgentFromWire(message);
          if (told.kind !== "welcome") continue;
          const hello = { kind: "hello", epoch: told.epoch, agentVersion: "0", bootId: "b", permits: [] } as const;
          stream.write(fromAgentToWire({ ...hello, instanceId: host.id }));
          const failed = fromAgentToWire({ kind: "scan-failed", requestId: "", why: "load" });
          timer = setInterval(() => stream.write(failed), REPORT_EVERY_MS);
          ready.resolve(this);
        }
      } catch {
        // cut: what is wanted, or counted
      }
      clearInterval(timer);
      this.isOver = true;
      ready.reject(new Error("not let in"));
      client.close();
    })();
  }

  close(): void {
    this.#client.close();
  }
}

async function renewed({ ports }: Controller, { identity }: Joined): Promise<void> {
  const csr = await certificateRequest(newKey());
  const client = controllerClient({ host: "localhost", port: ports.fleet }, identity);
  try {
    await call(client, agentService.renewHost, { csr }, 60_000);
  } finally {
    client.close();
  }
}
