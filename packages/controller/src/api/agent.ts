import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { HostInRollout } from "@afterpatch/core/rollout/types";
import type { FromAgent, ScanReport } from "@afterpatch/core/session";
import { formatHead } from "@afterpatch/wire/audit";
import { fromAgentFromWire, ProtocolError, toAgentToWire } from "@afterpatch/wire/convert/session";
import { drained, duplex, type Handlers, RpcError, received } from "@afterpatch/wire/rpc";
import type { agentService } from "@afterpatch/wire/services";
import { status } from "@grpc/grpc-js";
import type { AgentLink, Fleet } from "../fleet/fleet.ts";
import { changedOutside } from "../fleet/outside.ts";
import type { Probes } from "../fleet/probes.ts";
import type { Scans } from "../fleet/scans.ts";
import { peerOf } from "../listen/peer.ts";
import { Bucket, MESSAGES } from "../listen/rates.ts";
import type { Clock, Log } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import { type Audit, CONTROLLER } from "../store/audit.ts";
import type { Hosts } from "../store/hosts.ts";
import { withinBounds } from "./bounds.ts";

export interface AgentApiDeps {
  readonly hosts: Hosts;
  /** Agents are told where it stands. */
  readonly audit: Pick<Audit, "head">;
  readonly fleet: Fleet;
  readonly scans: Scans;
  readonly probes: Probes;
  readonly engine: RolloutEngine;
  readonly clock: Clock;
  readonly epoch: number;
  readonly controllerVersion: string;
  readonly reportIntervalMs: number;
  readonly log: Log;
  /** Told how long each scan took that was reported. */
  readonly scanTook: (ms: number) => void;
}

const QUARANTINED =
  "this host is in quarantine: two machines spoke as it; see 'afterpatch hosts waiting' where the controller is operated";

/** One agent's stream: Welcome, Hello, then reports and news of permits in both directions. */
export function agentHandlers(deps: AgentApiDeps): Pick<Handlers<typeof agentService>, "connect"> {
  return {
    connect: duplex(async (stream) => {
      const peer = peerOf(stream);
      if (peer.kind !== "host") throw new Error("a caller that is no host passed the gate"); // the gate lets hosts in alone
      const known = await deps.hosts.byId(peer.id);
      if (known?.state === "quarantined") throw new RpcError(status.FAILED_PRECONDITION, "quarantined", QUARANTINED);
      let isOpen = true;
      const link: AgentLink = {
        send: (message) => stream.write(toAgentToWire(message)),
        close: () => {
          isOpen = false; // what has arrived already is heard no more
          stream.end();
        },
      };
      const { epoch, controllerVersion, reportIntervalMs, clock } = deps;
      const auditHead = formatHead(await deps.audit.head());
      deps.fleet.attach(peer.id, link);
      link.send({ kind: "welcome", epoch, controllerVersion, now: clock.now(), reportIntervalMs, auditHead });
      const bucket = new Bucket(MESSAGES, clock.steady());
      try {
        for await (const message of received(stream)) {
          const ms = bucket.take(clock.steady());
          if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve)); // read no faster: it is the peer that waits
          if (!isOpen) break;
          await hear(deps, peer.id, link, understood(message));
          await drained(stream);
        }
      } finally {
        deps.fleet.detach(peer.id, link);
        deps.log.info({ host: peer.id }, "agent gone");
        await deps.engine.look();
      }
    }),
  };
}

/** A message that breaks the protocol ends its stream with a word for the host, and is no failure of ours. */
function understood(message: Parameters<typeof fromAgentFromWire>[0]): FromAgent {
  try {
    return fromAgentFromWire(message);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new RpcError(status.INVALID_ARGUMENT, "bad-message", error.message);
  }
}

/** One message of an agent. What it acknowledges is in the store. */
export async function hear(deps: AgentApiDeps, hostId: string, link: AgentLink, told: FromAgent): Promise<void> {
  const message = withinBounds(told);
  const hasGreeted = deps.fleet.hasGreeted(hostId, link);
  if (message.kind !== "hello" && !hasGreeted) return link.close("hello comes first, on the newest stream of a host");
  switch (message.kind) {
    case "hello": {
      const { agentVersion, bootId, permits } = message;
      // An agent that answers another epoch speaks to a controller that is no more.
      if (message.epoch !== deps.epoch) return link.close(`hello for epoch ${message.epoch}`);
      if (hasGreeted) return link.close("a second hello");
      if (await isKeptOut(deps, hostId, link, message.instanceId ?? "")) return link.close(QUARANTINED);
      await deps.hosts.saveAgentVersion(hostId, agentVersion);
      deps.log.info({ host: hostId, agentVersion }, "agent connected");
      await deps.engine.hello(hostId, () => deps.fleet.greet(hostId, link, { bootId, agentVersion }), permits);
      return;
    }
    case "report": {
      await noteOutside(deps, hostId, message.report);
      const isKept = await saveReport(deps, hostId, message.report);
      link.send({ kind: "report-ack", digest: message.report.digest, sendBody: !isKept });
      if (isKept && message.report.scanMs !== undefined) deps.scanTook(message.report.scanMs);
      if (isKept) deps.scans.answered(hostId, message.requestId, { kind: "fresh" });
      return;
    }
    case "scan-failed":
      await deps.hosts.saveScanFailure(hostId, { at: deps.clock.now(), why: message.why });
      deps.log.warn({ host: hostId, why: message.why }, "host not scanned");
      return deps.scans.answered(hostId, message.requestId, { kind: "failed", why: message.why });
    case "probe-result":
      return deps.probes.answered(hostId, message.requestId, message.answer);
    case "permit-update":
      return deps.engine.update(hostId, message.update);
  }
}

/** Two machines that speak as one host are believed neither, until a person has seen to it. */
async function isKeptOut(deps: AgentApiDeps, hostId: string, link: AgentLink, instanceId: string): Promise<boolean> {
  const { hosts, fleet, clock, log } = deps;
  const host = await hosts.byId(hostId);
  if (host?.state === "quarantined") return true;
  if (!fleet.isTwin(hostId, link, instanceId)) return false;
  await hosts.quarantine(hostId, { actor: CONTROLLER, at: clock.now() }, { why: "two machines speak as this host" });
  log.error({ host: hostId, name: host?.name }, "two machines speak as one host: it is in quarantine");
  return true;
}

/** Somebody, or something, restarts and reboots beside the rollouts: whoever runs the fleet wants to know. */
async function noteOutside({ hosts, engine, log }: AgentApiDeps, hostId: string, report: ScanReport): Promise<void> {
  const isOurs = engine.open().some((view) => view.hosts.some((host) => host.hostId === hostId && isCharged(host)));
  if (isOurs) return;
  const host = await hosts.byId(hostId);
  const change = changedOutside(host?.report ?? null, report);
  if (change) log.warn({ host: hostId, name: host?.name, ...change }, "host changed outside of rollouts");
}

function isCharged({ state, permit }: HostInRollout): boolean {
  return isInFlight(state) || (state === "unreachable" && permit !== null);
}

/** False: the body is needed. */
async function saveReport(deps: AgentApiDeps, hostId: string, report: ScanReport): Promise<boolean> {
  return (await deps.hosts.saveReport(hostId, report, deps.clock.now())) === "saved";
}
