import { createHash, randomUUID } from "node:crypto";
import type { Handlers } from "@afterpatch/wire/rpc";
import { agentService, controlService, enrollService, trustService } from "@afterpatch/wire/services";
import { agentHandlers } from "./api/agent.ts";
import { orderOf } from "./api/again.ts";
import { budgetHandlers } from "./api/budgets.ts";
import { oldCodeHandlers } from "./api/old-code.ts";
import { trendHandlers } from "./api/trend.ts";
import { windowHandlers } from "./api/windows.ts";
import { fleetEventHandlers } from "./api/fleet-events.ts";
import { eventHandlers } from "./api/events.ts";
import { reportHandlers } from "./api/report.ts";
import { whyHandlers } from "./api/why.ts";
import { controlHandlers } from "./api/control.ts";
import { holdHandlers } from "./api/holds.ts";
import { chargeHandlers } from "./api/charges.ts";
import { trustHandlers } from "./api/trust/services.ts";
import type { Authority } from "./ca/authority.ts";
import type { Config } from "./config/config.ts";
import { machineBootId } from "./fleet/boot-id.ts";
import { listenForSilence } from "./fleet/silence.ts";
import { Fleet } from "./fleet/fleet.ts";
import { HoldRegister } from "./fleet/holds.ts";
import { Probes } from "./fleet/probes.ts";
import { Scans } from "./fleet/scans.ts";
import { agentsAsked } from "./health/agents.ts";
import { careOnThisMachine } from "./health/care.ts";
import type { Peer } from "./listen/peer.ts";
import type { Counts } from "./metrics/counts.ts";
import { watchFleet } from "./metrics/fleet.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { watchRollouts } from "./metrics/rollouts.ts";
import type { Service } from "./listen/servers.ts";
import type { Clock, Log } from "./ports.ts";
import { FleetWebhooks } from "./webhooks/fleet-webhooks.ts";
import { poster } from "./webhooks/post.ts";
import { readSecret } from "./webhooks/secrets.ts";
import { Webhooks } from "./webhooks/webhooks.ts";
import { RolloutEngine } from "./rollouts/engine.ts";
import { replanner } from "./rollouts/replan.ts";
import { prover } from "./rollouts/prove.ts";
import type { Store } from "./store/store.ts";

/** What `serve` has built before it opens its ports. */
export interface ControllerDeps {
  readonly store: Store;
  /** Fencing epoch of this run. */
  readonly epoch: number;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly counts: Counts;
  readonly version: string;
  /** See ControllerOptions. */
  readonly hooksDir: string;
  readonly config: Config;
  /** HOST:PORT of the fleet port, as agents are to dial it; known once the ports are open. */
  readonly fleetAddress: () => string;
  /** The same of the enrol port. */
  readonly enrolAddress: () => string;
  /** Ends the connections of these peers at once, open streams included. */
  readonly cut: (isMeant: (peer: Peer) => boolean) => void;
}

/** What the two ports answer. */
export interface Services {
  readonly fleet: readonly Service[];
  readonly enrol: readonly Service[];
  /** Before the ports open. */
  start(): Promise<void>;
  /** After the last connection has ended, before the store closes. */
  stop(): Promise<void>;
}

export function buildServices(deps: ControllerDeps): Services {
  const { store, clock, log, epoch, version } = deps;
  const { hosts } = store;
  const { lostAfterMs } = deps.config;
  const register = new HoldRegister(store.holds, clock);
  const fleet = new Fleet(clock, () => register.now());
  const ownBootId = machineBootId();
  if (ownBootId === null) log.warn({}, "boot id not readable: the controller's own host is rebooted like any other");
  const scans = new Scans(fleet, clock, randomUUID);
  const proves = prover(async (hostId, report) => void (await hosts.saveReport(hostId, report, clock.now())));
  const probes = new Probes(fleet, clock, randomUUID);
  const care = careOnThisMachine({ agents: agentsAsked(probes), hooksDir: deps.hooksDir });
  const planning = { hosts, fleet, scans, probes, sha256, ownBootId, hooksDir: deps.hooksDir };
  const replans = replanner(planning, (plan) => orderOf(plan).fleet);
  const { webhooks, fleetWebhooks } = webhooksOf(deps);
  const engine = new RolloutEngine({
    store: deps.counts.watching(webhooks.watching(store.rollouts)),
    fleet,
    clock,
    randomId: randomUUID,
    epoch,
    proves,
    log,
    care,
    replans,
  });
  const agents = agentHandlers({
    ...{ hosts, audit: store.audit, fleet, scans, probes, engine, clock, epoch, log },
    ...{ controllerVersion: version, scanTook: (ms) => deps.counts.scanTook(ms) },
    reportIntervalMs: deps.config.reportIntervalMs,
  });
  const trusting = trustHandlers({ ...deps, fleet, engine });
  const starting = { operators: store.operators, rollouts: store.rollouts, access: store.access(() => clock.now()) };
  const control: Handlers<typeof controlService> = {
    ...controlHandlers({ ...planning, ...starting, engine, clock, lostAfterMs }),
    ...holdHandlers({ hosts, register, engine, clock, log }),
    ...chargeHandlers({ hosts, engine, log }),
    ...budgetHandlers({ hosts, fleet, engine, clock }),
    ...whyHandlers({ hosts, fleet, engine, clock }),
    ...pastHandlers(deps),
    ...oldCodeHandlers({ hosts, oldCode: store.oldCode, fleet, clock, lostAfterMs }),
    ...windowHandlers({ fleet, engine, clock }),
    ...trusting.control,
  };
  watchFleet(deps.metrics, { figures: store.figures, fleet, clock, lostAfterMs });
  watchRollouts(deps.metrics, { engine, fleet, clock });
  let deaf = () => {};
  return {
    fleet: [
      { definition: agentService, handlers: { ...agents, ...trusting.agent } },
      { definition: controlService, handlers: control },
      { definition: trustService, handlers: trusting.trust },
    ],
    enrol: [{ definition: enrollService, handlers: trusting.enroll }],
    async start() {
      await register.load();
      await engine.load();
      await webhooks.start();
      await fleetWebhooks.start();
      deaf = listenForSilence({ hosts, presence: store.presence, fleet, clock, lostAfterMs, log });
    },
    async stop() {
      deaf();
      await engine.stop();
      await webhooks.stop();
      await fleetWebhooks.stop();
    },
  };
}

/** What was, by what is stored alone. */
function pastHandlers({ store, clock }: ControllerDeps) {
  return {
    ...eventHandlers({ rollouts: store.rollouts }),
    ...reportHandlers({ rollouts: store.rollouts, audit: store.audit }),
    ...fleetEventHandlers(store.events),
    ...trendHandlers({ history: store.history, clock }),
  };
}

function webhooksOf({ store, config, authority, clock, log, counts }: ControllerDeps) {
  const files = new Map(config.webhooks.map(({ url, secretFiles }) => [url, secretFiles]));
  // Read anew each time: a secret is changed without a restart.
  const post = counts.posting(poster((url) => Promise.all((files.get(url) ?? []).map(readSecret)), clock));
  const webhooks = new Webhooks({ store: store.notices, post, clock, log });
  const fleetWebhooks = new FleetWebhooks({
    ...{ webhooks: config.webhooks, events: store.events, told: store.told, post, clock, log },
    fleetId: sha256(authority.pin).slice(0, 12),
  });
  return { webhooks, fleetWebhooks };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
