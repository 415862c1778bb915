import { holdText } from "@afterpatch/core/rollout/holds";
import type { RolloutShape } from "@afterpatch/core/rollout/types";
import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import { type Shaped, shapeOf } from "./shape.ts";
import { parseRamp, resolveRamp } from "@afterpatch/core/fleet/ramp";
import { type Candidate, type Reach, reachOf, selectReached } from "@afterpatch/core/fleet/reach";
import { NO_SCOPE, type Scope } from "@afterpatch/core/fleet/scope";
import type { NothingSelected, Selection } from "@afterpatch/core/fleet/select";
import { type NamedUnit, orderedPlan } from "@afterpatch/core/plan/ordered";
import { echoed, someOf, visible } from "@afterpatch/core/text";
import { planDigest } from "@afterpatch/core/plan/digest";
import { type Filter, filteredPlan, NO_FILTER } from "@afterpatch/core/plan/filter";
import { addNames, noNames, type OldNames, whyNothing } from "@afterpatch/core/plan/filter-names";
import type { RebootOrder } from "@afterpatch/core/plan/reboot";
import type { Plan, Sha256, Step } from "@afterpatch/core/plan/types";
import type { Fleet } from "../fleet/fleet.ts";
import type { Probes } from "../fleet/probes.ts";
import type { Scans } from "../fleet/scans.ts";
import type { Host, Hosts } from "../store/hosts.ts";
import { scanOfReport } from "../report-body.ts";

/** A fresh scan takes a second or two; a host under load gets its time. */
export const SCAN_TIMEOUT_MS = 60_000;

/** Longest plan of one host, as JSON: far beyond any real one, and small enough that a host cannot spoil its fleet's. */
const LONGEST_PLAN = 2 * 1024 * 1024;

export interface PlannedHost {
  readonly host: Host;
  readonly plan: Plan;
  /** Steps that the filter left out. */
  readonly leave: readonly Step["remedy"][];
  readonly digest: string;
  readonly reportedAt: number;
  /** Processes that the scan could not look at: no step covers what they run. */
  readonly unreadable: number;
  /** Release of the kernel that a reboot of it would start; null: not known. */
  readonly expectedKernel: string | null;
  readonly runningKernel: string;
  /** The controller runs on it. */
  readonly holdsController: boolean;
}

/** What would be done over a selection, and for whom that cannot be said. */
export interface FleetPlan {
  /** Over hosts, their steps, the ramp and what was ordered of reboots. */
  readonly digest: string;
  /** In the order of the selection; the controller's own host, where it is rebooted, at the end. */
  readonly hosts: readonly PlannedHost[];
  readonly uncovered: readonly { readonly name: string; readonly why: string }[];
  /** Integers, the last repeats. Of the hosts that have something to do. */
  readonly ramp: readonly number[];
  /** Null: flags said all. */
  readonly shape: RolloutShape | null;
  readonly reboot: RebootOrder;
  /** How the inventory fits; null: none was given. */
  readonly reached: { readonly notEnrolled: readonly string[]; readonly notes: readonly string[] } | null;
}

/** Hosts of a selection that may be coming back still after the start of the controller. */
export interface ComingBack {
  readonly hosts: number;
  readonly selected: number;
  readonly startedMsAgo: number;
}

export type FleetPlanned =
  | {
      readonly kind: "planned";
      readonly plan: FleetPlan;
      readonly selected: number;
      /** Enrolled hosts, selected or not. */
      readonly fleetHosts: number;
      readonly comingBack: ComingBack | null;
    }
  | { readonly kind: "bad-serial"; readonly why: string }
  | { readonly kind: "nothing-filtered"; readonly why: string }
  | { readonly kind: "bad-shape"; readonly shaped: Exclude<Shaped, { readonly kind: "shaped" }> }
  | NothingSelected;

export interface PlanFleetDeps {
  readonly hosts: Hosts;
  readonly fleet: Fleet;
  readonly scans: Scans;
  readonly probes: Probes;
  readonly sha256: Sha256;
  /** Of the boot that the controller's machine runs in; null: not known. */
  readonly ownBootId: string | null;
  /** The only directory whose programs rollouts have run on the controller's machine. */
  readonly hooksDir: string;
}

/** What an operator wants planned. */
export interface FleetOrder {
  readonly pattern: string;
  /** Ramp as typed; not looked at where there is a file. */
  readonly serial: string;
  readonly reboot: RebootOrder;
  /** Null: flags say all. */
  readonly spec: RolloutSpec | null;
  /** Text that `spec` was read from, for the lines of what is wrong in it; absent: none. */
  readonly file?: string;
  /** The pattern is the file's. */
  readonly isPatternOfFile?: boolean;
  /** Absent: everything is wanted. */
  readonly filter?: Filter;
  /** Hosts of a rollout before, in place of the pattern. Absent: those of the pattern. */
  readonly among?: readonly Among[];
  /** Where patterns look; absent: at the whole fleet. Limits are not looked at where there is `among`. */
  readonly scope?: Scope;
}

/** `hostId` null: it is known by its name alone. */
export interface Among {
  readonly hostId: string | null;
  readonly name: string;
}

/** Selects, asks every selected host for a fresh scan, and plans. An old report is never planned from. */
export async function planFleet(deps: PlanFleetDeps, order: FleetOrder): Promise<FleetPlanned> {
  const { reboot } = order;
  const parsed = parseRamp(order.serial);
  if (parsed.kind === "invalid") return { kind: "bad-serial", why: parsed.why };
  const known = await deps.hosts.list();
  const { limits, inventory } = order.scope ?? NO_SCOPE;
  const reach = reachOf(known, inventory);
  if (reach.kind !== "reach") return reach;
  const selection = order.among ? amongOf(order.among, reach) : selectReached(order.pattern, limits, reach);
  if (selection.kind !== "selected") return selection;
  const enrolled = selection.hosts.flatMap(({ host }) => host ?? []);
  const notEnrolled = selection.hosts.flatMap(({ name, host }) => (host === null ? [name] : []));
  const names = noNames();
  const wanted = { reboot, filter: order.filter ?? NO_FILTER, names };
  // Before any is asked: one that comes back while others are scanned is not in this plan.
  const awaited = comingBack(deps.fleet, enrolled);
  const looked = await Promise.all(enrolled.map((host) => planHost(deps, host, wanted)));
  const why = looked.some(({ kind }) => kind === "planned") ? whyNothing(names, wanted.filter) : null;
  if (why !== null) return { kind: "nothing-filtered", why };
  const { restarts } = wanted.filter;
  const isNamed = looked.some(
    (one) => one.kind === "planned" && one.planned.plan.steps.length + one.planned.plan.residue.length > 0,
  );
  if (restarts.length > 0 && !isNamed && looked.some(({ kind }) => kind === "planned")) {
    return { kind: "nothing-filtered", why: `no running service is called ${someOf(restarts.map(echoed))}` };
  }
  const planned = inTurn(looked.flatMap((one) => (one.kind === "planned" ? [one.planned] : [])));
  const uncovered = looked.flatMap((one) => (one.kind === "uncovered" ? [{ name: one.name, why: one.why }] : []));
  const working = new Set(planned.filter(({ plan }) => plan.steps.length > 0).map(({ host }) => host.id));
  const isWorking = (hostId: string) => working.has(hostId);
  const covered = planned.map(({ host }) => host);
  const shaped = order.spec === null ? null : shapeOf(order.spec, covered, reach, isWorking, deps.hooksDir);
  if (shaped !== null && shaped.kind !== "shaped") return { kind: "bad-shape", shaped };
  const ramp = resolveRamp(parsed.ramp, Math.max(1, working.size));
  const hosts = shaped === null ? planned : inWaves(planned, shaped.shape);
  const left = planned.filter(({ host }) => shaped?.left.includes(host.id));
  const content = [
    ramp,
    hosts.map(({ host, digest }) => [host.id, digest]),
    reboot.mode,
    reboot.sessionsFirst,
    shaped?.shape,
    // What people on the hosts see of it, and how it is done.
    [reboot.method, reboot.delayMs, reboot.message, reboot.withinMs, reboot.settleMs],
  ];
  const digest = deps.sha256(JSON.stringify(content));
  return {
    kind: "planned",
    plan: {
      ...{ digest, hosts, ramp, reboot, shape: shaped?.shape ?? null },
      reached: inventory && { notEnrolled, notes: reach.notes },
      uncovered: [
        ...notEnrolled.map((name) => ({ name, why: "in the inventory, and not enrolled" })),
        ...uncovered,
        ...left.map(({ host }) => ({ name: host.name, why: "no wave of the file names it" })),
      ],
    },
    selected: selection.hosts.length,
    fleetHosts: known.length,
    comingBack: awaited,
  };
}

/** In their order; whoever was revoked or removed meanwhile is none any more, but where the inventory names it. */
function amongOf(among: readonly Among[], { fleet, roster }: Reach<Host>): Selection<Candidate<Host>> {
  const byId = new Map<string, Candidate<Host>>(
    fleet.map((host) => [host.id, { name: host.name, labels: host.labels, host }]),
  );
  for (const candidate of roster.hosts.values()) if (candidate.host) byId.set(candidate.host.id, candidate);
  const hosts = among.flatMap(
    ({ hostId, name }) => (hostId === null ? roster.hosts.get(name) : byId.get(hostId)) ?? [],
  );
  if (hosts.length > 0) return { kind: "selected", hosts: [...new Set(hosts)] };
  return { kind: "empty", why: "none of the hosts that it left is known any more" };
}

/** In the order of the waves. */
function inWaves(hosts: readonly PlannedHost[], { waves }: RolloutShape): readonly PlannedHost[] {
  const byId = new Map(hosts.map((planned) => [planned.host.id, planned]));
  return waves.flatMap(({ hostIds }) => hostIds.flatMap((id) => byId.get(id) ?? []));
}

/** As they are permitted. */
function inTurn(hosts: readonly PlannedHost[]): readonly PlannedHost[] {
  const isLast = ({ plan, holdsController }: PlannedHost) => holdsController && plan.steps.some(isReboot);
  return [...hosts.filter((host) => !isLast(host)), ...hosts.filter(isLast).map(toldAlone)];
}

function toldAlone(host: PlannedHost): PlannedHost {
  const alone = "The controller runs on this host: it comes last and alone, and the rollout goes on after it.";
  const told = (step: Step) => (isReboot(step) ? { ...step, because: `${step.because} ${alone}` } : step);
  return { ...host, plan: { ...host.plan, steps: host.plan.steps.map(told) } };
}

function isReboot({ remedy }: Step): boolean {
  return remedy.kind === "reboot";
}

/** Null when none is awaited. */
export function comingBack(fleet: Fleet, selected: readonly Host[]): ComingBack | null {
  const hosts = selected.filter((host) => host.state === "active" && fleet.isAwaited(host)).length;
  return hosts === 0 ? null : { hosts, selected: selected.length, startedMsAgo: fleet.startedMsAgo() };
}

/** Why a host that is not connected is not. */
export function notConnected(fleet: Fleet, host: Host): string {
  if (!fleet.isAwaited(host)) return "not connected";
  return `has not come back yet since the controller started ${Math.round(fleet.startedMsAgo() / 1000)} s ago`;
}

type Looked =
  | { readonly kind: "planned"; readonly planned: PlannedHost }
  | { readonly kind: "uncovered"; readonly name: string; readonly why: string };

interface Wanted {
  readonly reboot: RebootOrder;
  readonly filter: Filter;
  /** What a filter may name is added to it. */
  readonly names: OldNames;
}

async function planHost(deps: PlanFleetDeps, host: Host, { reboot, filter, names }: Wanted): Promise<Looked> {
  const uncovered = (why: string): Looked => ({ kind: "uncovered", name: host.name, why });
  if (host.state !== "active") return uncovered(host.state);
  const cordon = deps.fleet.holds().cordons.get(host.id);
  if (cordon) return uncovered(`cordoned ${holdText(cordon)}`);
  if (!deps.fleet.isConnected(host.id)) return uncovered(notConnected(deps.fleet, host));
  const scanned = await deps.scans.request(host.id, SCAN_TIMEOUT_MS);
  if (scanned.kind === "failed") return uncovered(`scan failed: ${scanned.why}`);
  if (scanned.kind === "silent") return uncovered("did not answer a scan request");
  const report = await deps.hosts.report(host.id);
  if (!report) return uncovered("never reported");
  try {
    const scan = scanOfReport(report.body);
    const ordered = filter.restarts.length > 0 ? await unitsOf(deps, host.id, filter.restarts) : null;
    if (typeof ordered === "string") return uncovered(ordered);
    const { plan, leave } = ordered ? orderedPlan(scan, ordered) : filteredPlan(scan, reboot, filter);
    if (JSON.stringify(plan).length > LONGEST_PLAN) return uncovered("its plan is too long to be true");
    addNames(names, scan.findings, filter);
    const digest = planDigest(
      plan.steps.map((step) => step.remedy),
      deps.sha256,
    );
    return {
      kind: "planned",
      planned: {
        ...{ host, plan, leave, digest, reportedAt: report.receivedAt, unreadable: scan.processes.unreadable },
        expectedKernel: scan.host.kernel.verdict === "unknown" ? null : scan.host.kernel.expected,
        runningKernel: scan.host.kernel.running,
        holdsController: deps.ownBootId !== null && deps.fleet.bootId(host.id) === deps.ownBootId,
      },
    };
  } catch (error) {
    return uncovered(`its report cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const UNITS_MS = 30_000;

/** Running units that these globs name; a string says why nobody knows. */
async function unitsOf({ probes }: PlanFleetDeps, hostId: string, globs: readonly string[]) {
  const units = new Map<string, NamedUnit>();
  for (const name of globs) {
    const answer = await probes.request(hostId, { kind: "units", name }, UNITS_MS, AbortSignal.timeout(2 * UNITS_MS));
    if (typeof answer === "string") return answer;
    if (answer.why !== null) return `its units: ${visible(answer.why)}`;
    for (const unit of answer.units) units.set(unit.name, unit);
  }
  return [...units.values()];
}
