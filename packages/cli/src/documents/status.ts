import type { FindingKind } from "@afterpatch/core/scan";
import { visible } from "@afterpatch/core/text";
import { pb } from "@afterpatch/wire/messages";
import type { ListHostsResponse } from "../connection.ts";
import type { Cause } from "./causes.ts";
import { type HoldDocument, holdDocument } from "./holds.ts";
import { reachedDocument } from "./reached.ts";
import { type ComingBackDocument, comingBackDocument } from "./coming-back.ts";

type HostStatus = ListHostsResponse["hosts"][number];

export type Counts = Readonly<Record<FindingKind, number>>;

export interface HostDocument {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  /** `connected`, `late` or `lost`, whatever else `state` says. */
  readonly presence: string;
  /** Who keeps it out of rollouts, and why. */
  readonly cordon: HoldDocument | null;
  /** Since when and why it is charged to no budget, though it may be away. */
  readonly writtenOff: HoldDocument | null;
  /** Since when and why budgets count it as unavailable whoever has it in hand. */
  readonly charge: { readonly rollout: string; readonly since: number; readonly why: string } | null;
  readonly lastReportAt: number | null;
  readonly agentVersion: string | null;
  readonly kernel: string | null;
  readonly findings: Counts | null;
  readonly reboot: boolean | null;
  /** Processes that could not be looked at; null before the first report. */
  readonly unreadable: number | null;
  /** What has to be known about the host before anything is expected of it: that nothing is done there. */
  readonly notes: readonly string[];
  /** Why this is not the scan of now that was asked for. */
  readonly notScanned: string | null;
  /** That the newest scan failed, and when that was heard: what is said above was found by a scan before it. */
  readonly scanFailed: { readonly at: number; readonly why: string } | null;
}

/** `afterpatch.status/v1`. */
export interface StatusDocument {
  readonly schema: "afterpatch.status/v1";
  readonly hosts: readonly HostDocument[];
  readonly totals: {
    readonly hosts: number;
    readonly states: Readonly<Record<string, number>>;
    /** Whatever people decided of them: `connected`, `late`, `lost`. */
    readonly presence: Readonly<Record<string, number>>;
    readonly findings: Counts;
    /** Hosts that need a reboot, do not, and of which nobody knows. */
    readonly reboot: { readonly required: number; readonly notRequired: number; readonly unknown: number };
    readonly neverReported: number;
    readonly unreadable: number;
    /** Hosts with notes. */
    readonly notes: number;
    /** Hosts whose newest scan failed. */
    readonly scanFailed: number;
  };
  /** Hosts not heard since the controller started, while they may be coming back still. */
  readonly comingBack: ComingBackDocument | null;
  /** Selected hosts of the inventory that nobody enrolled: of them nothing is known. */
  readonly notEnrolled: readonly string[];
  /** How the inventory and the fleet fit. */
  readonly notes: readonly string[];
  /** Where causes were asked for: why code is old, which units run it, and on which hosts. */
  readonly causes?: readonly Cause[];
  /** Beside it: of which hosts it is not known whether that is all, and why. */
  readonly unknown?: readonly { readonly name: string; readonly why: readonly string[] }[];
}

const HOST_STATES = ["connected", "late", "lost", "cordoned", "quarantined"] as const;
const PRESENCES = ["connected", "late", "lost"] as const;

export function statusDocument(response: ListHostsResponse): StatusDocument {
  const hosts = response.hosts.map(hostDocument);
  const states: Record<string, number> = Object.fromEntries(HOST_STATES.map((state) => [state, 0]));
  for (const host of hosts) states[host.state] = (states[host.state] ?? 0) + 1;
  const presence: Record<string, number> = Object.fromEntries(PRESENCES.map((word) => [word, 0]));
  for (const host of hosts) presence[host.presence] = (presence[host.presence] ?? 0) + 1;
  const count = (reboot: boolean | null) => hosts.filter((host) => host.reboot === reboot).length;
  return {
    schema: "afterpatch.status/v1",
    hosts,
    totals: {
      hosts: hosts.length,
      states,
      presence,
      findings: sum(hosts.flatMap((host) => host.findings ?? [])),
      reboot: { required: count(true), notRequired: count(false), unknown: count(null) },
      unreadable: hosts.reduce((all, host) => all + (host.unreadable ?? 0), 0),
      notes: hosts.filter((host) => host.notes.length > 0).length,
      scanFailed: hosts.filter((host) => host.scanFailed !== null).length,
      neverReported: hosts.filter((host) => host.lastReportAt === null).length,
    },
    comingBack: comingBackDocument(response.comingBack),
    ...reachedDocument(response.reached),
  };
}

/** How many findings there are, of whatever kind. */
export function total(counts: Counts): number {
  return Object.values(counts).reduce((all, one) => all + one, 0);
}

function hostDocument(host: HostStatus): HostDocument {
  const { findings } = host;
  const labels = Object.entries(host.labels).map(([key, value]) => [visible(key), visible(value)]);
  return {
    id: visible(host.id),
    name: visible(host.name),
    labels: Object.fromEntries(labels),
    state: visible(host.state),
    presence: visible(host.presence),
    cordon: holdDocument(host.cordon),
    writtenOff: holdDocument(host.writtenOff),
    charge: host.charge
      ? { rollout: visible(host.charge.rolloutId), since: host.charge.since, why: visible(host.charge.why) }
      : null,
    lastReportAt: host.lastReportAt === 0 ? null : host.lastReportAt,
    agentVersion: visible(host.agentVersion) || null,
    kernel: visible(host.kernel) || null,
    findings: findings ? countsOf(findings) : null,
    reboot: rebootOf(host.reboot),
    unreadable: host.lastReportAt === 0 ? null : host.unreadable,
    notes:
      host.configError === "" ? [] : [`the agent's file is invalid, nothing is done: ${visible(host.configError)}`],
    notScanned: visible(host.notScanned) || null,
    scanFailed: host.scanFailed ? { at: host.scanFailed.at, why: visible(host.scanFailed.why) } : null,
  };
}

/** Unknown is never no. */
function rebootOf(need: HostStatus["reboot"]): boolean | null {
  if (need === pb.v1.RebootNeed.REBOOT_NEED_YES) return true;
  return need === pb.v1.RebootNeed.REBOOT_NEED_NO ? false : null;
}

function countsOf(counts: NonNullable<HostStatus["findings"]>): Counts {
  return {
    service: counts.service,
    "xinetd-session": counts.xinetdSession,
    application: counts.application,
    kernel: counts.kernel,
    microcode: counts.microcode,
  };
}

function sum(all: readonly Counts[]): Counts {
  const of = (kind: FindingKind) => all.reduce((count, counts) => count + counts[kind], 0);
  return {
    service: of("service"),
    "xinetd-session": of("xinetd-session"),
    application: of("application"),
    kernel: of("kernel"),
    microcode: of("microcode"),
  };
}
