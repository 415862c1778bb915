import { visible } from "@afterpatch/core/text";
import { type HostWord, hostState, presenceOf } from "../api/host-state.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Clock } from "../ports.ts";
import type { Figures, HostFigures } from "../store/figures.ts";
import { ROLES } from "../store/operators.ts";
import type { Metrics, Sample } from "./metrics.ts";

export interface FleetMetricsDeps {
  readonly figures: Figures;
  readonly fleet: Pick<Fleet, "isConnected" | "isAwaited" | "holds">;
  readonly clock: Pick<Clock, "now">;
  readonly lostAfterMs: number;
}

const STATES: readonly HostWord[] = ["connected", "late", "lost", "cordoned", "quarantined"];
const KINDS = ["service", "xinetd-session", "application", "kernel", "microcode"] as const;
const DAY_MS = 86_400_000;
/** Every label is a time series in somebody's database: of each kind so many have one of their own. */
const MOST_VERSIONS = 20;
const MOST_HOSTS = 50;
/** What agents call themselves is their own choice. */
const VERSION = /^[0-9A-Za-z.+~-]{1,32}$/;

/** Hosts, by their newest reports and by what the network shows, and who is trusted. */
export function watchFleet(metrics: Metrics, deps: FleetMetricsDeps): void {
  const tellers = [states(metrics), oldCode(metrics), reports(metrics), agents(metrics), certificates(metrics)];
  const tellTrust = trust(metrics);
  metrics.add(async () => {
    const now = deps.clock.now();
    const hosts = await deps.figures.hosts();
    for (const tell of tellers) tell(hosts, now, deps);
    await tellTrust(now, deps);
  });
}

type Teller = (hosts: readonly HostFigures[], now: number, deps: FleetMetricsDeps) => void;

function states(metrics: Metrics): Teller {
  const gauge = metrics.gauge("afterpatch_hosts", "Hosts by state, as 'afterpatch status' shows it.", ["state"]);
  const frozen = metrics.gauge("afterpatch_frozen", "1 while a person holds the whole fleet back (freeze).");
  return (hosts, now, { fleet, lostAfterMs }) => {
    const { cordons, freeze } = fleet.holds();
    const words = hosts.map((host) => {
      const contact = { isConnected: fleet.isConnected(host.id), isAwaited: fleet.isAwaited(host) };
      return hostState(host, cordons.has(host.id), presenceOf(host, contact, now, lostAfterMs));
    });
    gauge(countedBy("state", STATES, words));
    frozen([[{}, freeze === null ? 0 : 1]]);
  };
}

function oldCode(metrics: Metrics): Teller {
  const affected = metrics.gauge("afterpatch_hosts_with_old_code", "Hosts whose newest report tells of old code.");
  const byKind = metrics.gauge(
    "afterpatch_hosts_with_old_code_by_kind",
    "The same by kind; a host with several kinds is counted in each.",
    ["kind"],
  );
  const findings = metrics.gauge("afterpatch_fleet_findings", "Findings in the newest reports of all hosts.", ["kind"]);
  const longer = metrics.gauge(
    "afterpatch_hosts_with_old_code_longer_than",
    "Hosts whose reports tell of old code for longer than so many days without a break.",
    ["days"],
  );
  const oldest = metrics.gauge(
    "afterpatch_oldest_old_code_timestamp_seconds",
    "Since when the host with the oldest old code has it; absent where none has any.",
  );
  const reboot = metrics.gauge(
    "afterpatch_hosts_by_reboot_required",
    "Hosts that were scanned, by whether they need a reboot; unknown is not no.",
    ["required"],
  );
  return (hosts, now) => {
    const kinds = hosts.flatMap(({ report }) => (report ? KINDS.filter((kind) => report.findings[kind] > 0) : []));
    const since = hosts.flatMap(({ oldSince }) => (oldSince === null ? [] : [oldSince]));
    affected([[{}, since.length]]);
    byKind(countedBy("kind", KINDS, kinds));
    findings(KINDS.map((kind) => [{ kind }, sum(hosts.map(({ report }) => report?.findings[kind] ?? 0))]));
    longer([1, 7, 30].map((days) => [{ days: `${days}` }, since.filter((at) => now - at > days * DAY_MS).length]));
    oldest(timestamp(since));
    const answers = hosts.flatMap(({ report }) => (report ? [report.reboot] : []));
    reboot(countedBy("required", ["yes", "no", "unknown"], answers));
  };
}

function reports(metrics: Metrics): Teller {
  const never = metrics.gauge("afterpatch_hosts_never_scanned", "Hosts that have never sent a report.");
  const failing = metrics.gauge("afterpatch_hosts_scan_failing", "Hosts whose newest scan failed.");
  const invalid = metrics.gauge(
    "afterpatch_hosts_config_invalid",
    "Hosts whose agent.yaml is invalid, so that nothing is done there.",
  );
  const partly = metrics.gauge(
    "afterpatch_hosts_with_unreadable_processes",
    "Hosts where the newest scan could not look at every process.",
  );
  const unreadable = metrics.gauge(
    "afterpatch_fleet_unreadable_processes",
    "Processes that the newest scans could not look at: what they run is not known.",
  );
  const oldest = metrics.gauge(
    "afterpatch_oldest_report_timestamp_seconds",
    "When the host that was silent for longest reported last; absent before the first report.",
  );
  const perHost = metrics.gauge(
    "afterpatch_host_last_report_timestamp_seconds",
    `When a host reported last: those ${MOST_HOSTS} whose reports are the oldest.`,
    ["host"],
  );
  const twins = metrics.gauge(
    "afterpatch_host_quarantined",
    `1 for each host in quarantine, whose reports are not taken: ${MOST_HOSTS} at most.`,
    ["host"],
  );
  return (hosts) => {
    const quarantined = hosts.filter(({ state }) => state === "quarantined").map(({ name }) => visible(name));
    twins(
      quarantined
        .sort()
        .slice(0, MOST_HOSTS)
        .map((host) => [{ host }, 1]),
    );
    const reported = hosts.flatMap(({ name, report }) => (report ? [{ ...report, name }] : []));
    never([[{}, hosts.length - reported.length]]);
    failing([[{}, hosts.filter(({ isScanFailing }) => isScanFailing).length]]);
    invalid([[{}, reported.filter(({ isConfigInvalid }) => isConfigInvalid).length]]);
    partly([[{}, reported.filter((report) => report.unreadable > 0).length]]);
    unreadable([[{}, sum(reported.map((report) => report.unreadable))]]);
    oldest(timestamp(reported.map(({ receivedAt }) => receivedAt)));
    const late = reported.toSorted((a, b) => a.receivedAt - b.receivedAt || (a.name < b.name ? -1 : 1));
    perHost(late.slice(0, MOST_HOSTS).map(({ name, receivedAt }) => [{ host: visible(name) }, receivedAt / 1000]));
  };
}

function agents(metrics: Metrics): Teller {
  const gauge = metrics.gauge(
    "afterpatch_agents",
    `Hosts by their agents' version: the ${MOST_VERSIONS} that most have, and all others as 'other'.`,
    ["version"],
  );
  return (hosts) => {
    const versions = Map.groupBy(hosts, ({ agentVersion }) => (VERSION.test(agentVersion) ? agentVersion : "other"));
    const other = versions.get("other")?.length ?? 0;
    versions.delete("other");
    const counted = [...versions].map(([version, { length }]) => ({ version, length }));
    counted.sort((a, b) => b.length - a.length || (a.version < b.version ? -1 : 1));
    const rest = sum(counted.slice(MOST_VERSIONS).map(({ length }) => length));
    const named = counted.slice(0, MOST_VERSIONS).map(({ version, length }): Sample => [{ version }, length]);
    gauge([...named, [{ version: "other" }, other + rest]]);
  };
}

function certificates(metrics: Metrics): Teller {
  const gauge = metrics.gauge(
    "afterpatch_host_certificates",
    "Hosts by the time that is left of their newest certificate; agents renew theirs long before a week is left.",
    ["left"],
  );
  return (hosts, now) => {
    const words = hosts.map(({ certifiedUntil }) => {
      const left = (certifiedUntil ?? 0) - now;
      return left <= 0 ? "none" : left < 7 * DAY_MS ? "under-a-week" : "more";
    });
    gauge(countedBy("left", ["none", "under-a-week", "more"], words));
  };
}

function trust(metrics: Metrics) {
  const operators = metrics.gauge("afterpatch_operators", "Operators who are let in, by role.", ["role"]);
  const tokens = metrics.gauge("afterpatch_tokens", "Tokens that work: to join a host, to log in.", ["purpose"]);
  const waiting = metrics.gauge("afterpatch_hosts_waiting", "Hosts that ask to be let in again; see 'hosts waiting'.");
  const entries = metrics.total("afterpatch_audit_entries_total", "Entries of the audit log.");
  return async (now: number, { figures }: FleetMetricsDeps): Promise<void> => {
    const told = await figures.trust(now);
    operators(ROLES.map((role) => [{ role }, told.operators[role] ?? 0]));
    tokens([
      [{ purpose: "join" }, told.hostTokens],
      [{ purpose: "login" }, told.operatorTokens],
    ]);
    waiting([[{}, told.waiting]]);
    entries([[{}, told.auditEntries]]);
  };
}

/** Zeros too, so that a rule can tell none from no data. */
export function countedBy(label: string, words: readonly string[], found: readonly string[]): readonly Sample[] {
  const counts = new Map(words.map((word) => [word, 0]));
  for (const word of found) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => [{ [label]: word }, count] as const);
}

/** The first of some instants, in seconds; nothing where there is none. */
export function timestamp(instants: readonly number[]): readonly Sample[] {
  if (instants.length === 0) return [];
  return [[{}, instants.reduce((first, at) => Math.min(first, at)) / 1000]];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
