import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { countsToWire, needToWire } from "@afterpatch/wire/convert/report";
import { rolloutToWire } from "@afterpatch/wire/convert/rollout";
import { type Handlers, RpcError, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import { status } from "@grpc/grpc-js";
import { peerOf } from "../listen/peer.ts";
import type { Clock } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import { comingBack, notConnected, type PlanFleetDeps, SCAN_TIMEOUT_MS } from "../rollouts/plan-fleet.ts";
import { Durations } from "../rollouts/durations.ts";
import { ShownPlans } from "../rollouts/shown-plans.ts";
import { type Host, hostState, presenceOf } from "./host-state.ts";
import { holdToWire, type HoldCalls } from "./holds.ts";
import { nameOf, selected } from "./asked.ts";
import { chargesToWire, type ChargeCalls } from "./charges.ts";
import type { BudgetCalls } from "./budgets.ts";
import type { EventCalls } from "./events.ts";
import type { OldCodeCalls } from "./old-code.ts";
import type { ReportCalls } from "./report.ts";
import type { TrendCalls } from "./trend.ts";
import type { FleetEventCalls } from "./fleet-events.ts";
import type { WhyCalls } from "./why.ts";
import { hoursOfPlan, type WindowCalls } from "./windows.ts";
import type { Access, Operators } from "../store/operators.ts";
import type { RolloutStore } from "../store/rollout-store.ts";
import { found, watchHandler } from "./watch-rollout.ts";
import { budgetsToWire, forecastToWire } from "./forecast.ts";
import { planToWire } from "./plan-to-wire.ts";
import { abortOrder, approveOrder, pauseOrder, resumeOrder } from "../rollouts/orders.ts";
import { refusing } from "./refuse.ts";
import { orderedBy } from "./again.ts";
import { planOrRefuse, startRollout } from "./start-rollout.ts";

export interface ControlApiDeps extends PlanFleetDeps {
  readonly rollouts: Pick<RolloutStore, "recent">;
  readonly access: Pick<Access, "operator">;
  readonly operators: Pick<Operators, "byName">;
  readonly engine: RolloutEngine;
  readonly clock: Clock;
  readonly lostAfterMs: number;
}

type Control = Handlers<typeof controlService>;

/** The operator's calls, tokens apart. */
export function controlHandlers(
  deps: ControlApiDeps,
): Omit<
  Control,
  | "createToken"
  | HoldCalls
  | ChargeCalls
  | BudgetCalls
  | WindowCalls
  | WhyCalls
  | EventCalls
  | ReportCalls
  | FleetEventCalls
  | TrendCalls
  | OldCodeCalls
> {
  const { engine } = deps;
  const shown = new ShownPlans();
  const durations = new Durations(deps.rollouts);
  return {
    listHosts: unary(async ({ pattern, fresh, scope }) => {
      const look = () => selected(deps, pattern, scope);
      const notScanned = fresh ? await scanAll(deps, (await look()).hosts) : new Map<string, string>();
      const { hosts, reached } = await look();
      return {
        reached,
        hosts: hosts.map((host) => ({ ...statusOf(deps, host), notScanned: notScanned.get(host.id) ?? "" })),
        comingBack: comingBack(deps.fleet, hosts),
      };
    }),
    planFleet: unary(async (request, call) => {
      const { fleet, spec } = await orderedBy(engine, request);
      const { plan, comingBack, fleetHosts } = await planOrRefuse(deps, fleet);
      shown.add(plan);
      const forecast = forecastToWire(plan, spec, await durations.last(), deps.clock.now());
      const hours = hoursOfPlan(deps, plan.shape?.hours ?? null);
      return {
        ...planToWire(plan, comingBack),
        ...hours,
        forecast,
        budgets: budgetsToWire(plan),
        fleetHosts,
        plannedAt: deps.clock.now(),
        actor: nameOf(call),
      };
    }),
    startRollout: unary(async (request, call) =>
      rolloutToWire(await startRollout({ ...deps, shown }, request, nameOf(call), () => stillMay(deps.access, call))),
    ),
    getRollout: unary(async ({ id }) => rolloutToWire(await found(engine, id))),
    listRollouts: unary(async ({ limit, open, ended }) => {
      const most = limit === 0 ? 50 : Math.min(limit, 1000);
      const views = open ? engine.open().toReversed().slice(0, most) : await listed(engine, most, ended);
      return { rollouts: views.map(rolloutToWire) };
    }),
    abortRollout: unary(async ({ id, reason }, call) =>
      rolloutToWire(await refusing(() => engine.order(id, abortOrder(nameOf(call), reason)))),
    ),
    pauseRollout: unary(async ({ id, reason }, call) =>
      rolloutToWire(await refusing(() => engine.order(id, pauseOrder(nameOf(call), reason)))),
    ),
    resumeRollout: unary(async ({ id }, call) =>
      rolloutToWire(await refusing(() => engine.order(id, resumeOrder(nameOf(call))))),
    ),
    approveRollout: unary(async ({ id, wave }, call) => {
      const actor = await deps.operators.byName(nameOf(call));
      const order = approveOrder(nameOf(call), wave, actor?.isMachine);
      return rolloutToWire(await refusing(() => engine.order(id, order)));
    }),
    watchRollout: watchHandler(deps, durations),
  };
}

function statusOf(deps: ControlApiDeps, host: Host) {
  const { id, name, labels, report } = host;
  const contact = { isConnected: deps.fleet.isConnected(id), isAwaited: deps.fleet.isAwaited(host) };
  const presence = presenceOf(host, contact, deps.clock.now(), deps.lostAfterMs);
  const cordon = deps.fleet.holds().cordons.get(id) ?? null;
  return {
    id,
    name,
    labels: { ...labels },
    state: hostState(host, cordon !== null, presence),
    presence,
    ...chargesToWire(deps.engine.register(), id),
    cordon: cordon && holdToWire(cordon),
    lastReportAt: report?.receivedAt ?? 0,
    agentVersion: deps.fleet.agentVersion(id) ?? host.agentVersion,
    kernel: report?.kernel ?? "",
    findings: report ? countsToWire(report.findings) : null,
    reboot: needToWire(report?.reboot ?? null),
    unreadable: report?.unreadable ?? 0,
    configError: report?.configError ?? "",
    scanFailed: host.scanFailure,
  };
}

/** Asks each host for a scan of now; answers why those that gave none did not, by host id. */
async function scanAll(deps: ControlApiDeps, hosts: readonly Host[]): Promise<ReadonlyMap<string, string>> {
  const why = async (host: Host): Promise<string> => {
    const { id } = host;
    if (!deps.fleet.isConnected(id)) return notConnected(deps.fleet, host);
    const answer = await deps.scans.request(id, SCAN_TIMEOUT_MS);
    if (answer.kind === "failed") return `scan failed: ${answer.why}`;
    return answer.kind === "silent" ? "no answer to the scan request" : "";
  };
  const answers = await Promise.all(hosts.map(async (host) => [host.id, await why(host)] as const));
  return new Map(answers.filter(([, text]) => text !== ""));
}

/** Newest first: all, or those alone that have ended. */
/** See StillMay. */
async function stillMay(access: Pick<Access, "operator">, call: Parameters<typeof peerOf>[0]): Promise<void> {
  const peer = peerOf(call);
  const role = peer.kind === "operator" ? await access.operator(peer.name, peer.serial) : null;
  if (role === null || role === "viewer")
    throw new RpcError(status.PERMISSION_DENIED, "revoked", "you may not start rollouts any more; nothing was begun");
}

async function listed(engine: RolloutEngine, most: number, hasEnded: boolean): Promise<readonly RolloutView[]> {
  if (!hasEnded) return engine.recent(most);
  const views = await engine.recent(most + engine.open().length);
  return views.filter(({ state }) => isClosed(state)).slice(0, most);
}
