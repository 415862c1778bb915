import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { systemClock } from "@afterpatch/agent/clock";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { loadIdentity } from "@afterpatch/agent/identity/identity";
import { dialer } from "@afterpatch/agent/session/dial";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { Session } from "@afterpatch/agent/session/session";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { initialise } from "@afterpatch/controller/ca/init";
import { type ClientIdentity, controllerClient } from "@afterpatch/wire/credentials";
import { call, type Rpc } from "@afterpatch/wire/rpc";
import { controlService } from "@afterpatch/wire/services";
import { parseToken } from "@afterpatch/wire/token";
import { status } from "@grpc/grpc-js";
import { memoryJournal } from "../fakes/journal.ts";
import { type FakeHost, fakeHost } from "../fakes/machine.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PROGRAM = join(ROOT, "packages/controller/dist/afterpatch-controller.mjs");
const NAMES = ["web01", "web02", "web03"] as const;
const UNIT = "app.service";
const START_MS = 20_000;

/** A data directory, the built controller on it, and agents that stay while it comes and goes. */
export class ControllerSite {
  readonly hosts = NAMES.length;
  readonly #dataDir: string;
  readonly #ports: readonly [fleet: number, enrol: number, http: number];
  readonly #admin: Required<ClientIdentity>;
  readonly #machines = new Map<string, FakeHost>();
  readonly #stop = new AbortController();
  #child: ChildProcess | null = null;

  static async prepare(folder: string): Promise<ControllerSite> {
    const dataDir = join(folder, "controller");
    await initialise(dataDir, { names: ["localhost"], port: 7443, enrolPort: 7444 }, Date.now());
    const file = (name: string) => readFile(join(dataDir, "admin", name), "utf8");
    const admin = { ca: await file("ca.crt"), cert: await file("operator.crt"), key: await file("operator.key") };
    const [fleet = 0, enrol = 0, http = 0] = await freePorts(3);
    const site = new ControllerSite(dataDir, [fleet, enrol, http], admin);
    await site.start();
    for (const name of NAMES) await site.#join(name, join(folder, name));
    return site;
  }

  private constructor(
    dataDir: string,
    ports: readonly [fleet: number, enrol: number, http: number],
    admin: Required<ClientIdentity>,
  ) {
    this.#dataDir = dataDir;
    this.#ports = ports;
    this.#admin = admin;
  }

  /** Returns when it is ready. */
  async start(): Promise<void> {
    if (this.#child) return;
    const child = this.#spawn();
    let log = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-20_000);
    });
    const end = performance.now() + START_MS;
    while (!log.includes("controller ready")) {
      if (child.exitCode !== null || performance.now() > end) throw new Error(`the controller did not start: ${log}`);
      await new Promise((settle) => setTimeout(settle, 5));
    }
  }

  /** Kills it so many milliseconds after it was started, ready or not. */
  async startAndKill(ms: number): Promise<void> {
    this.#spawn().stdout?.resume();
    await new Promise((settle) => setTimeout(settle, ms));
    await this.kill();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const ended = new Promise((settle) => child.once("exit", settle));
    child.kill("SIGKILL");
    await ended;
  }

  /** One call by an admin, on a connection of its own; again where there were too many. */
  async ask<Req, Res>(method: Rpc<Req, Res, false, false>, request: Req): Promise<Res> {
    const client = controllerClient({ host: "localhost", port: this.#ports[0] }, this.#admin);
    try {
      for (;;) {
        try {
          return await call(client, method, request, 10_000);
        } catch (error) {
          const isTooOften = error instanceof Error && "code" in error && error.code === status.RESOURCE_EXHAUSTED;
          if (!isTooOften) throw error;
          await new Promise((settle) => setTimeout(settle, 200));
        }
      }
    } finally {
      client.close();
    }
  }

  /** Every host runs old code of its unit from now on. */
  upgrade(): void {
    for (const host of this.#machines.values()) host.upgrade(UNIT);
  }

  effectsByHost(): readonly (readonly [string, number])[] {
    return [...this.#machines].map(([name, { effects }]) => [name, effects.length] as const);
  }

  effects(): number {
    return this.effectsByHost().reduce((sum, [, effects]) => sum + effects, 0);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.kill();
  }

  #spawn(): ChildProcess {
    const [fleet, enrol, http] = this.#ports;
    const ports = ["--port", `${fleet}`, "--enrol-port", `${enrol}`, "--http-port", `${http}`];
    const words = [PROGRAM, "serve", "--data-dir", this.#dataDir, "--listen", "127.0.0.1", ...ports];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    return child;
  }

  async #join(name: string, stateDir: string): Promise<void> {
    const { token: text } = await this.ask(controlService.createToken, { uses: 1, expiresMs: 60_000, labels: {} });
    const token = parseToken(text);
    if (!token) throw new Error("the controller made no token");
    const controller = { host: "localhost", port: this.#ports[1] };
    await enroll({ controller, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
    const { hostId, ...identity } = await loadIdentity(stateDir);
    const fleetAddress = { host: "localhost", port: this.#ports[0] };
    const machine = fakeHost({ name, units: [{ name: UNIT, isOld: false }] }, systemClock);
    this.#machines.set(name, machine);
    const session = new Session(
      {
        ...{
          hostId,
          agentVersion: "0",
          instanceId: name,
          machine: machine.machine(),
          rules: NO_RULES,
          sha256,
          reportOf,
        },
        ...{
          journal: memoryJournal(),
          clock: systemClock,
          connect: dialer(async () => ({ ...identity, hostId, fleetAddress })),
        },
        random: () => 0.02, // of the longest pause: back in no time
        lock: () => () => {},
        log: { info() {}, warn() {}, error() {} },
      },
      this.#stop.signal,
    );
    void session.run(); // until the site is closed
  }
}

/** Free now, and told to nobody else by the system for a while. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((settle) => server.close(settle))));
  return ports;
}
