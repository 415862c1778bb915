import { type AgentApiDeps, hear } from "@afterpatch/controller/api/agent";
import { type AgentLink, Fleet } from "@afterpatch/controller/fleet/fleet";
import { HoldRegister } from "@afterpatch/controller/fleet/holds";
import { Probes } from "@afterpatch/controller/fleet/probes";
import { Scans } from "@afterpatch/controller/fleet/scans";
import type { Clock, Log } from "@afterpatch/controller/ports";
import { RolloutEngine } from "@afterpatch/controller/rollouts/engine";
import { prover } from "@afterpatch/controller/rollouts/prove";
import { enrolment } from "@afterpatch/controller/store/enrolment";
import { type HoldStore, holds as holdsIn } from "@afterpatch/controller/store/holds";
import { type Hosts, hosts as hostsIn } from "@afterpatch/controller/store/hosts";
import type { Care } from "@afterpatch/controller/rollouts/chores";
import type { RolloutStore } from "@afterpatch/controller/store/rollout-store";
import { rollouts } from "@afterpatch/controller/store/rollouts";
import { orderOf } from "@afterpatch/controller/api/again";
import { replanner } from "@afterpatch/controller/rollouts/replan";
import { sha256 } from "@afterpatch/agent/session/report";
import type { Replans } from "@afterpatch/controller/rollouts/queue";
import { audit } from "@afterpatch/controller/store/audit";
import { beginEpoch } from "@afterpatch/controller/store/settings";
import { type Connection, createDatabase } from "@afterpatch/controller/store/sqlite";
import { tokens } from "@afterpatch/controller/store/tokens";
import type { FromAgent, PermitUpdate, ToAgent } from "@afterpatch/core/session";
import { VirtualTime } from "../sim/time.ts";

export const SILENT: Log = { info() {}, warn() {}, error() {} };

/** Enrols hosts whose ids are their names. */
export async function enrol(db: Connection, names: readonly string[], now: number): Promise<void> {
  const secretSha256 = new Uint8Array(32);
  const about = {
    expiresAt: now + 1e9,
    uses: names.length,
    labels: {},
    createdBy: "test",
    createdAt: now,
    operator: null,
  };
  await tokens(db).create({ id: "token", secretSha256, ...about });
  for (const [index, name] of names.entries()) {
    const spkiSha256 = new Uint8Array(32).fill(index + 1);
    const application = { tokenId: "token", secretSha256, spkiSha256, name, labels: {}, agentVersion: "0", now };
    await enrolment(db).redeem(application, name, { serial: name, notAfter: now + 1e9 });
  }
}

/** What one host hears, and how it answers. */
export class FakeLink implements AgentLink {
  readonly heard: ToAgent[] = [];
  closedBecause: string | null = null;

  send(message: ToAgent): void {
    this.heard.push(message);
  }

  close(why: string): void {
    this.closedBecause = why;
  }

  /** Ids of the permits it was given. */
  permits(): readonly string[] {
    return this.heard.flatMap((m) => (m.kind === "permit" ? [m.permit.permitId] : []));
  }

  /** Ids of the permits whose end was acknowledged. */
  acknowledged(): readonly string[] {
    return this.heard.flatMap((m) => (m.kind === "permit-ack" ? [m.permitId] : []));
  }
}

/** Of controllers with which nothing waits for another rollout. */
export const NO_REPLANS: Replans = () => Promise.reject(new Error("no rollout was to wait"));

/** Of rollouts without hooks and checks: nobody asks it. */
export const NO_CARE: Care = {
  carryOut: ({ phase }) => Promise.reject(new Error(`${phase} in a rollout without hooks and checks`)),
};

/** A store in memory that outlives the controllers on it, and virtual time. */
export class ControllerBench {
  readonly time = new VirtualTime();
  readonly db: Connection = createDatabase(":memory:");
  readonly hosts: Hosts = hostsIn(this.db);
  readonly holds: HoldStore = holdsIn(this.db);
  /** What the controllers see as their store; a test may put a failing one in its place. */
  store: RolloutStore = rollouts(this.db);
  /** What the controllers carry hooks and checks out with. */
  care: Care = NO_CARE;
  /** How they plan rollouts that waited; null: as the product does. */
  replans: Replans | null = null;
  /** How far the clock of the controller's machine is off; a test may step it. */
  clockOff = 0;

  static async with(names: readonly string[]): Promise<ControllerBench> {
    const bench = new ControllerBench();
    await enrol(bench.db, names, bench.time.now());
    return bench;
  }

  #last: ControllerRun | null = null;

  /** The next run of the controller on this store. The one before does nothing any more. */
  async start(): Promise<ControllerRun> {
    await this.#last?.engine.stop();
    const run = new ControllerRun(this, beginEpoch(this.db, this.time.now()));
    this.#last = run;
    await run.register.load();
    await run.engine.load();
    return run;
  }
}

/** One run of the controller: the real engine, fleet and agent API. */
export class ControllerRun {
  readonly fleet: Fleet;
  readonly register: HoldRegister;
  readonly scans: Scans;
  readonly probes: Probes;
  readonly engine: RolloutEngine;
  readonly epoch: number;
  readonly clock: Clock;
  readonly deps: AgentApiDeps;

  constructor(bench: ControllerBench, epoch: number) {
    const { time, hosts, store } = bench;
    let ids = 0;
    const randomId = () => `id-${epoch}-${++ids}`;
    const offAtStart = bench.clockOff;
    const clock: Clock = {
      now: () => time.now() + bench.clockOff,
      steady: () => time.now() + offAtStart,
      after: (ms, fn) => time.after(ms, fn),
    };
    const proves = prover(async (id, report) => {
      await hosts.saveReport(id, report, clock.now());
    });
    this.clock = clock;
    this.epoch = epoch;
    this.register = new HoldRegister(bench.holds, clock);
    this.fleet = new Fleet(clock, () => this.register.now());
    this.scans = new Scans(this.fleet, clock, randomId);
    this.probes = new Probes(this.fleet, clock, randomId);
    const live = { store, fleet: this.fleet, clock, epoch, log: SILENT };
    const planning = {
      hosts,
      fleet: this.fleet,
      scans: this.scans,
      probes: this.probes,
      sha256,
      ownBootId: null,
      hooksDir: "/hooks",
    };
    const replans = bench.replans ?? replanner(planning, (plan) => orderOf(plan).fleet);
    this.engine = new RolloutEngine({ ...live, randomId, proves, care: bench.care, replans });
    const about = { controllerVersion: "0.1.0", reportIntervalMs: 1_800_000, scanTook: () => undefined };
    this.deps = {
      ...live,
      hosts,
      audit: audit(bench.db),
      scans: this.scans,
      probes: this.probes,
      engine: this.engine,
      ...about,
    };
  }

  /** A host opens a stream and says Hello with these permits. */
  async connect(hostId: string, permits: readonly PermitUpdate[] = [], bootId = "b1"): Promise<FakeLink> {
    const link = new FakeLink();
    this.fleet.attach(hostId, link);
    await this.says(hostId, link, { kind: "hello", agentVersion: "0.1.0", bootId, epoch: this.epoch, permits });
    return link;
  }

  /** A stream breaks. */
  async lose(hostId: string, link: FakeLink): Promise<void> {
    this.fleet.detach(hostId, link);
    await this.engine.look();
  }

  says(hostId: string, link: FakeLink, message: FromAgent): Promise<void> {
    return hear(this.deps, hostId, link, message);
  }

  /** News of a permit. */
  tells(hostId: string, link: FakeLink, update: PermitUpdate): Promise<void> {
    return this.says(hostId, link, { kind: "permit-update", update });
  }
}
