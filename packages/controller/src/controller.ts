import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { usageError } from "@afterpatch/core/command-error";
import { formatAddress } from "@afterpatch/wire/address";
import { writeFileDurably } from "@afterpatch/wire/credential-files";
import { loadAuthority, type Refreshed, serverIdentity } from "./ca/authority.ts";
import { type Config, DEFAULT_CONFIG } from "./config/config.ts";
import { localAnswers } from "./local/answer.ts";
import { openLocal } from "./local/socket.ts";
import { writing } from "./writing.ts";
import { type Http, openHttp } from "./http/http.ts";
import { Counts } from "./metrics/counts.ts";
import { Metrics } from "./metrics/metrics.ts";
import { watchRunning } from "./metrics/running.ts";
import { ENROL_ADMISSION, FLEET_ADMISSION } from "./listen/admission.ts";
import { callerOf } from "./listen/authorise.ts";
import { Listener } from "./listen/listener.ts";
import { identityOf, type Peer } from "./listen/peer.ts";
import { enrolServer, fleetServer } from "./listen/servers.ts";
import type { Clock, Log } from "./ports.ts";
import type { ControllerDeps, Services } from "./services.ts";
import { type Audit, CONTROLLER } from "./store/audit.ts";
import type { Access } from "./store/operators.ts";
import { SCHEMA_VERSION } from "./store/schema.ts";
import { openStore, type Store } from "./store/store.ts";

export interface ControllerOptions {
  readonly dataDir: string;
  /** All addresses when undefined. */
  readonly listen: string | undefined;
  /** Those of `init` when undefined; 0: any free one. */
  readonly port: number | undefined;
  readonly enrolPort: number | undefined;
  readonly httpPort: number;
  /** The only directory whose programs rollouts have run on this machine, absolute. */
  readonly hooksDir: string;
  /** Absent: as without a file. */
  readonly config?: Config;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The disk failed: the process is to end, and to find out on its next start what is on it. */
  readonly whenBroken: (error: Error) => void;
  /** What the ports answer. */
  readonly services: (deps: ControllerDeps) => Services;
}

export interface Controller {
  readonly ports: { readonly fleet: number; readonly enrol: number; readonly http: number };
  readonly store: Store;
  /** Ends the connections of these peers at once, open streams included. */
  cut(isMeant: (peer: Peer) => boolean): void;
  /** Stops accepting, ends streams, closes the store. */
  close(): Promise<void>;
}

const SWEEP_MS = 3_600_000;

/** Opens store, ports and services of a data directory. Throws CommandError or StoreError; nothing stays open then. */
export async function openController(options: ControllerOptions): Promise<Controller> {
  await using opened = new AsyncDisposableStack();
  const { dataDir, clock, log } = options;
  const authority = await loadAuthority(join(dataDir, "ca"));
  const store = await openStore(join(dataDir, "controller.db"), clock.now(), (error) => {
    log.error({ what: error.what, why: error.why, todo: error.todo }, "store is broken: the controller ends");
    options.whenBroken(error);
  });
  opened.defer(() => store.close());
  const { settings, epoch, migratedFrom } = store;
  if (migratedFrom !== null) log.info({ from: migratedFrom, to: SCHEMA_VERSION }, "store migrated");
  const listeners: Listener[] = [];
  const cut = (isMeant: (peer: Peer) => boolean) => listeners[0]?.cut(isMeant);
  const metrics = new Metrics();
  const counts = new Counts(metrics);
  const services = options.services({
    ...{ store, metrics, counts },
    hooksDir: options.hooksDir,
    config: options.config ?? DEFAULT_CONFIG,
    epoch,
    authority,
    clock,
    log,
    version: options.version,
    fleetAddress: () => formatAddress({ host: settings.names[0] ?? "", port: listeners[0]?.port ?? settings.port }),
    enrolAddress: () =>
      formatAddress({ host: settings.names[0] ?? "", port: listeners[1]?.port ?? settings.enrolPort }),
    cut,
  });
  opened.defer(() => services.stop());
  await services.start();
  const refresh = async () => tell(log, store.audit, clock.now(), await authority.refresh(clock.now()));
  await refresh();
  const letIn = store.access(() => clock.now());
  const identity = () => serverIdentity(join(dataDir, "ca"), settings.names, clock.now());
  const ports = { fleet: options.port ?? settings.port, enrol: options.enrolPort ?? settings.enrolPort };
  checkDistinct({ ...ports, http: options.httpPort });
  for (const open of [openFleet, openEnrol]) {
    const parts = { root: authority.root, access: letIn, services, counts };
    const listener = await open(options, ports, await identity(), parts);
    listeners.push(listener);
    opened.defer(() => listener.close());
  }
  watchRunning(metrics, { dataDir, store, authority, version: options.version, listeners });
  const http = await openHttp(options.httpPort, metrics, log);
  opened.defer(() => http.close());
  opened.defer(
    sweep(clock, log, async () => {
      await refresh();
      const current = await identity();
      for (const listener of listeners) listener.renew(current);
      await cutExpired(cut, letIn);
    }),
  );
  opened.defer(await tidied(store, options));
  const actual = await announce(options, listeners, http);
  await removeCopies(dataDir);
  const host = settings.names[0] ?? "";
  const answers = localAnswers({ dataDir, store, pin: authority.pin, clock, log, ports: actual, host });
  opened.defer(
    await openLocal(dataDir, answers, (why) => log.warn({ why }, "local commands do not reach this controller")),
  );
  opened.defer(() => rm(portsFile(dataDir), { force: true }));
  const closing = opened.move();
  return { ports: actual, store, cut, close: () => closing.disposeAsync() };
}

/** Removes what is not kept any longer, now and every hour until the returned function is called. */
async function tidied(store: Store, { config = DEFAULT_CONFIG, clock, log }: ControllerOptions): Promise<() => void> {
  const tidy = async () => {
    const rows = await store.prune(clock.now(), config.retention);
    if (rows > 0) log.info({ rows }, "old reports and events removed");
  };
  await tidy();
  return sweep(clock, log, tidy);
}

/** Certificates end while connections go on: no call is let in then, and here the open streams end. */
async function cutExpired(cut: (isMeant: (peer: Peer) => boolean) => void, letIn: Access): Promise<void> {
  const peers: Peer[] = [];
  cut((peer) => {
    peers.push(peer);
    return false;
  });
  const ended = new Set<Peer>();
  for (const peer of peers) if ((await callerOf(peer, letIn)) === null) ended.add(peer);
  cut((peer) => ended.has(peer));
}

/** Of the issuing CA. */
async function tell(log: Log, audit: Audit, at: number, refreshed: Refreshed): Promise<void> {
  if (refreshed.kind === "renewed") {
    const { serial, notAfter } = refreshed;
    await audit.note({ actor: CONTROLLER, at }, "ca.issuing", serial, { notAfter });
    log.info({ serial }, "issuing CA renewed");
  }
  if (refreshed.kind !== "ends") return;
  const notAfter = new Date(refreshed.notAfter).toISOString();
  log.warn(
    { notAfter },
    "issuing CA ends, and the root's key is not here: run 'afterpatch-controller ca-renew --root-key FILE'",
  );
}

/** Said here: "in use" would send people to look for another program. */
function checkDistinct({ fleet, enrol, http }: Ports & { readonly http: number }): void {
  const clash = (option: string, port: number, other: string) =>
    usageError(option, `${port} is the ${other} port too`, "give two different ports");
  if (enrol !== 0 && enrol === fleet) throw clash("--enrol-port", enrol, "fleet");
  if (http !== 0 && http === fleet) throw clash("--http-port", http, "fleet");
  if (http !== 0 && http === enrol) throw clash("--http-port", http, "enrol");
}

interface Parts {
  readonly root: string;
  readonly access: Access;
  readonly services: Services;
  readonly counts: Counts;
}
type Identity = Awaited<ReturnType<typeof serverIdentity>>;
interface Ports {
  readonly fleet: number;
  readonly enrol: number;
}

function openFleet({ listen: address, log }: ControllerOptions, ports: Ports, identity: Identity, parts: Parts) {
  return Listener.open({
    name: "fleet",
    address,
    port: ports.fleet,
    identity,
    clientRoot: parts.root,
    admission: FLEET_ADMISSION,
    maxConnections: 30_000,
    maxAgeMs: null,
    identify: (socket) => knownPeer(socket, parts.access),
    server: fleetServer(parts.services.fleet, parts.access, log, parts.counts),
    log,
  });
}

function openEnrol({ listen: address, log }: ControllerOptions, ports: Ports, identity: Identity, parts: Parts) {
  return Listener.open({
    name: "enrol",
    address,
    port: ports.enrol,
    identity,
    clientRoot: null,
    admission: ENROL_ADMISSION,
    maxConnections: 1_000,
    maxAgeMs: 60_000,
    identify: async () => "anyone",
    server: enrolServer(parts.services.enrol, log, parts.counts),
    log,
  });
}

async function knownPeer(socket: TLSSocket, access: Access): Promise<Peer | null> {
  const certificate = socket.getPeerX509Certificate();
  const peer = certificate && socket.authorized ? identityOf(certificate.raw) : null;
  return peer && (await callerOf(peer, access)) ? peer : null;
}

/** Runs `work` every hour until the returned function is called. Never one long timer: Node's end at 24.8 days. */
function sweep(clock: Clock, log: Log, work: () => Promise<void>): () => void {
  let cancel = () => {};
  const again = (): void => {
    cancel = clock.after(SWEEP_MS, () => {
      work().catch((err: unknown) => log.error({ err }, "hourly work not done"));
      again();
    });
  };
  again();
  return () => cancel();
}

/** Of backups that were cut off. */
async function removeCopies(dataDir: string): Promise<void> {
  const run = join(dataDir, "run");
  for (const name of await readdir(run)) if (name.startsWith("copy-")) await rm(join(run, name), { force: true });
}

const portsFile = (dataDir: string) => join(dataDir, "run", "ports.json");

async function announce({ dataDir, listen, log }: ControllerOptions, listeners: readonly Listener[], http: Http) {
  const ports = { fleet: listeners[0]?.port ?? 0, enrol: listeners[1]?.port ?? 0, http: http.port };
  await writing(join(dataDir, "run"), (path) => mkdir(path, { recursive: true, mode: 0o700 }));
  const content = `${JSON.stringify({ ...ports, pid: process.pid })}\n`;
  await writing(portsFile(dataDir), (path) => writeFileDurably(path, content));
  log.info({ ...ports, address: listen ?? "all" }, "controller ready");
  return ports;
}
