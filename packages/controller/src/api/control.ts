import { randomBytes } from "node:crypto";
import { select } from "@afterpatch/core/fleet/select";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { countsToWire, needToWire } from "@afterpatch/wire/convert/report";
import { rolloutToWire } from "@afterpatch/wire/convert/rollout";
import { type Handlers, RpcError, serverStream, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import { status } from "@grpc/grpc-js";
import { peerOf } from "../listen/peer.ts";
import type { Clock } from "../ports.ts";
import { type RolloutEngine, RolloutError } from "../rollouts/engine.ts";
import { DEFAULT_TIMING, freeze } from "../rollouts/freeze.ts";
import { type FleetPlan, type PlanFleetDeps, planFleet, SCAN_TIMEOUT_MS } from "../rollouts/plan-fleet.ts";
import { type Host, hostState } from "./host-state.ts";
import { planToWire } from "./plan-to-wire.ts";
import { refuseSelection } from "./refuse.ts";

export interface ControlApiDeps extends PlanFleetDeps {
  readonly engine: RolloutEngine;
  readonly clock: Clock;
  readonly reportIntervalMs: number;
}

type Control = Handlers<typeof controlService>;

/** The operator's calls, tokens apart. */
export function controlHandlers(deps: ControlApiDeps): Omit<Control, "createToken"> {
  const { engine } = deps;
  return {
    listHosts: unary(async ({ pattern, fresh }) => {
      if (fresh)
        await Promise.all((await selected(deps, pattern)).map(({ id }) => deps.scans.request(id, SCAN_TIMEOUT_MS)));
      return { hosts: (await selected(deps, pattern)).map((host) => statusOf(deps, host)) };
    }),
    planFleet: unary(async ({ pattern, serial }) => planToWire((await plan(deps, pattern, serial)).plan)),
    startRollout: unary(async (request, call) => rolloutToWire(await start(deps, request, nameOf(call)))),
    getRollout: unary(async ({ id }) => rolloutToWire(await found(engine, id))),
    listRollouts: unary(async ({ limit }) => {
      const views = await engine.recent(limit === 0 ? 50 : Math.min(limit, 1000));
      return { rollouts: views.map(rolloutToWire) };
    }),
    abortRollout: unary(async ({ id, reason }, call) =>
      rolloutToWire(await refusing(() => engine.abort(id, nameOf(call), reason))),
    ),
    watchRollout: serverStream(async ({ id }, stream) => {
      const first = await found(engine, id);
      const ended = Promise.withResolvers<void>();
      const tell = (view: RolloutView): void => {
        stream.write(rolloutToWire(view));
        if (isClosed(view.state)) ended.resolve();
      };
      const unwatch = engine.watch(first.plan.id, tell);
      stream.on("cancelled", () => ended.resolve());
      try {
        tell(await found(engine, id));
        await ended.promise;
      } finally {
        unwatch();
      }
    }),
  };
}

async function selected(deps: ControlApiDeps, pattern: string): Promise<readonly Host[]> {
  const all = await deps.hosts.list();
  if (pattern === "") return all;
  const selection = select(pattern, all);
  return selection.kind === "selected" ? selection.hosts : refuseSelection(pattern, selection);
}

function statusOf(deps: ControlApiDeps, host: Host) {
  const { id, name, labels, report } = host;
  return {
    id,
    name,
    labels: { ...labels },
    state: hostState(host, deps.fleet.isConnected(id), deps.clock.now(), deps.reportIntervalMs),
    lastReportAt: report?.receivedAt ?? 0,
    agentVersion: deps.fleet.agentVersion(id) ?? host.agentVersion,
    kernel: report?.kernel ?? "",
    findings: report ? countsToWire(report.findings) : null,
    reboot: needToWire(report?.reboot ?? null),
  };
}

async function plan(
  deps: ControlApiDeps,
  pattern: string,
  serial: string,
): Promise<{ plan: FleetPlan; selected: number }> {
  const planned = await planFleet(deps, pattern, serial);
  if (planned.kind === "planned") return planned;
  if (planned.kind === "bad-serial") throw refused("bad-argument", `serial '${serial}': ${planned.why}`);
  return refuseSelection(pattern, planned);
}

type StartRequest = Parameters<Control["startRollout"]>[0]["request"];

async function start(deps: ControlApiDeps, request: StartRequest, actor: string): Promise<RolloutView> {
  if (request.reason.trim() === "") throw refused("bad-argument", "a rollout needs a reason");
  if (request.requestId === "") throw refused("bad-argument", "a rollout needs a request id");
  const known = await deps.engine.byRequest(request.requestId);
  if (known) return known;
  const { plan: fleet, selected } = await plan(deps, request.pattern, request.serial);
  if (request.maxHosts > 0 && selected > request.maxHosts) {
    throw refused("too-many-hosts", `${selected} hosts are selected, at most ${request.maxHosts} are allowed`);
  }
  if (request.expectedDigest !== "" && request.expectedDigest !== fleet.digest) {
    throw refused("stale-plan", "the fleet has changed since the plan was shown; plan again");
  }
  const { pattern, reason, name, maxFail, allowNew } = request;
  const createdAt = deps.clock.now();
  const order = {
    id: rolloutId(createdAt),
    name: name || reason,
    reason,
    actor,
    createdAt,
    pattern,
    maxFail,
    allowNew,
  };
  return refusing(() => deps.engine.start(freeze(fleet, order, DEFAULT_TIMING), request.requestId));
}

/** `20261122-190312-9f3a2c1b`: people type it. */
function rolloutId(now: number): string {
  const [day = "", time = ""] = new Date(now).toISOString().split("T");
  return `${day.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${randomBytes(4).toString("hex")}`;
}

/** The rollout with this id, or the newest where it is empty. */
async function found(engine: RolloutEngine, id: string): Promise<RolloutView> {
  if (id !== "") return refusing(() => engine.view(id));
  const [newest] = await engine.recent(1);
  if (!newest) throw refused("not-found", "there is no rollout yet");
  return newest;
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof RolloutError ? refused(error.code, error.message) : error;
  }
}

function refused(code: string, message: string): RpcError {
  return new RpcError(code === "not-found" ? status.NOT_FOUND : status.FAILED_PRECONDITION, code, message);
}

function nameOf(call: Parameters<typeof peerOf>[0]): string {
  const peer = peerOf(call);
  return peer.kind === "operator" ? peer.name : peer.id;
}
