import { visible } from "@afterpatch/core/text";
import type { FleetOrder, PlanFleetResponse } from "../connection.ts";
import { type HoldDocument, holdDocument } from "./holds.ts";
import { type HoursDocument, hoursDocument } from "./windows.ts";
import { type BudgetDocument, budgetDocuments, type ForecastDocument, forecastDocument } from "./forecast.ts";
import { reachedDocument } from "./reached.ts";
import { type ComingBackDocument, comingBackDocument } from "./coming-back.ts";

type PlannedHost = PlanFleetResponse["waves"][number]["hosts"][number];

export interface StepDocument {
  readonly id: string;
  readonly remedy: { readonly kind: string; readonly target: string };
  readonly findings: readonly string[];
  readonly because: string;
  readonly insteadOf: readonly { readonly kind: string; readonly whyNot: string }[];
}

export interface PlannedHostDocument {
  readonly id: string;
  readonly name: string;
  readonly reportedAt: number | null;
  readonly steps: readonly StepDocument[];
  readonly residue: readonly string[];
  /** Processes that could not be looked at: what they run is unknown. */
  readonly unreadable: number;
}

export interface UncoveredDocument {
  readonly name: string;
  readonly why: string;
}

export interface WaveDocument {
  readonly name: string;
  /** Batch sizes; the last one repeats. */
  readonly ramp: readonly number[];
  /** Waves that have to have ended before. */
  readonly after: readonly string[];
  /** Waited after its last host. */
  readonly bakeMs: number;
  /** Somebody has to let those after it begin. */
  readonly approve: boolean;
  readonly hosts: readonly PlannedHostDocument[];
}

/** `afterpatch.fleetplan/v1`. */
export interface PlanDocument {
  readonly schema: "afterpatch.fleetplan/v1";
  readonly digest: string;
  /** Batch sizes; the last one repeats. */
  readonly ramp: readonly number[];
  readonly waves: readonly WaveDocument[];
  readonly uncovered: readonly UncoveredDocument[];
  readonly totals: {
    /** Selected, whether covered or not. */
    readonly hosts: number;
    /** Enrolled, whether selected or not; null: the controller did not say. */
    readonly fleet: number | null;
    readonly withWork: number;
    readonly steps: number;
    /** Hosts that reboot. */
    readonly reboots: number;
    readonly residue: number;
    readonly uncovered: number;
  };
  /** Windows and freezes of the file as they stand now; null: no file. */
  readonly hours: HoursDocument | null;
  /** The whole fleet is frozen: nothing would begin. */
  readonly fleetFreeze: HoldDocument | null;
  /** Hosts not heard since the controller started, while they may be coming back still. */
  readonly comingBack: ComingBackDocument | null;
  /** Null: nothing to do. */
  readonly forecast: ForecastDocument | null;
  /** Of the file, every size as an integer. */
  readonly budgets: readonly BudgetDocument[];
  /** What the controller does around each host; null: nothing. */
  readonly care: CareDocument | null;
  /** Of the controller's clock; null: it did not say. */
  readonly plannedAt: number | null;
  /** Who asked for it; null: the controller did not say. */
  readonly actor: string | null;
  /** Selected hosts of the inventory that nobody enrolled; among those uncovered too. */
  readonly notEnrolled: readonly string[];
  /** How the inventory and the fleet fit. */
  readonly notes: readonly string[];
  /** What was ordered, as the controller got it: `afterpatch apply` orders it again. */
  readonly order: FleetOrder;
}

/** Names of checks, and command lines of hooks on the controller's machine; null: none. */
export interface CareDocument {
  readonly before: readonly string[];
  readonly drain: string | null;
  readonly after: readonly string[];
  readonly undrain: string | null;
}

export function planDocument(response: PlanFleetResponse, order: FleetOrder): PlanDocument {
  const waves = response.waves.map((wave) => ({
    name: visible(wave.name),
    ramp: wave.ramp.length > 0 ? [...wave.ramp] : [...response.ramp],
    after: wave.after.map(visible),
    bakeMs: wave.bakeMs,
    approve: wave.isApproved,
    hosts: wave.hosts.map(hostDocument),
  }));
  const hosts = waves.flatMap((wave) => wave.hosts);
  const uncovered = uncoveredDocuments(response.uncovered);
  const fleetFreeze = holdDocument(response.fleetFreeze);
  return {
    schema: "afterpatch.fleetplan/v1",
    digest: visible(response.digest),
    ramp: [...response.ramp],
    waves,
    uncovered,
    totals: {
      hosts: hosts.length + uncovered.length,
      fleet: response.fleetHosts === 0 ? null : response.fleetHosts,
      withWork: hosts.filter((host) => host.steps.length > 0).length,
      steps: hosts.reduce((count, host) => count + host.steps.length, 0),
      reboots: hosts.filter(isRebooted).length,
      residue: hosts.reduce((count, host) => count + host.residue.length, 0),
      uncovered: uncovered.length,
    },
    hours: response.hours ? hoursDocument(response.hours, fleetFreeze) : null,
    fleetFreeze,
    comingBack: comingBackDocument(response.comingBack),
    forecast: forecastDocument(response),
    budgets: budgetDocuments(response),
    care: careDocument(response.care),
    plannedAt: response.plannedAt === 0 ? null : response.plannedAt,
    actor: response.actor === "" ? null : visible(response.actor),
    ...reachedDocument(response.reached),
    order,
  };
}

function careDocument(care: PlanFleetResponse["care"]): CareDocument | null {
  if (!care) return null;
  const { before, drain, after, undrain } = care;
  const line = (text: string) => (text === "" ? null : visible(text));
  return { before: before.map(visible), drain: line(drain), after: after.map(visible), undrain: line(undrain) };
}

export function isRebooted({ steps }: PlannedHostDocument): boolean {
  return steps.some(({ remedy }) => remedy.kind === "reboot");
}

export function uncoveredDocuments(uncovered: PlanFleetResponse["uncovered"]): readonly UncoveredDocument[] {
  return uncovered.map(({ name, why }) => ({ name: visible(name), why: visible(why) }));
}

function hostDocument(host: PlannedHost): PlannedHostDocument {
  return {
    id: visible(host.hostId),
    name: visible(host.name),
    reportedAt: host.reportedAt === 0 ? null : host.reportedAt,
    steps: host.steps.map((step) => ({
      id: visible(step.id),
      remedy: { kind: visible(step.kind), target: visible(step.target) },
      findings: step.findings.map(visible),
      because: visible(step.because),
      insteadOf: step.insteadOf.map(({ kind, whyNot }) => ({ kind: visible(kind), whyNot: visible(whyNot) })),
    })),
    residue: host.residue.map(visible),
    unreadable: host.unreadable,
  };
}
