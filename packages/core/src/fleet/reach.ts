// The fleet and an inventory together. With an inventory its hosts are all that can be selected, so that `all` of a small
// inventory is never the whole fleet; hosts of it that are not enrolled stay in sight.
import { someOf } from "../text.ts";
import { foldHosts } from "./ranges.ts";
import type { ScopeHost, ScopeInventory } from "./scope.ts";
import { type NothingSelected, type Selection, selectIn } from "./select.ts";
import { type Roster, rosterOf } from "./term.ts";

export interface FleetHost {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A host that patterns can name. */
export interface Candidate<H> {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Null: the inventory names it, and nobody enrolled it. */
  readonly host: H | null;
}

export interface Reach<H> {
  readonly kind: "reach";
  /** Every host of the fleet, with the labels that the inventory adds to its own. */
  readonly fleet: readonly H[];
  readonly roster: Roster<Candidate<H>>;
  /** What people have to know about how the two fit. */
  readonly notes: readonly string[];
}

/** A host whose labels in fleet and inventory differ is a mistake of one of them, and nobody guesses of which. */
export function reachOf<H extends FleetHost>(
  fleet: readonly H[],
  inventory: ScopeInventory | null,
): Reach<H> | Extract<NothingSelected, { kind: "invalid" }> {
  if (inventory === null) {
    const all = fleet.map((host) => ({ name: host.name, labels: host.labels, host }));
    return { kind: "reach", fleet, roster: rosterOf(all), notes: [] };
  }
  const meeting = meet(fleet, inventory.hosts);
  if (typeof meeting === "string") return { kind: "invalid", why: meeting };
  const { candidates, named } = meeting;
  const all = [...new Set(candidates)];
  const roster = rosterOf(all);
  const hosts = new Map(roster.hosts);
  for (const [index, { name }] of inventory.hosts.entries()) {
    const candidate = candidates[index];
    if (candidate) hosts.set(name, candidate);
  }
  const groups = new Map<string, readonly Candidate<H>[]>([["all", all]]);
  for (const { name, members } of inventory.groups) {
    if (name !== "all") groups.set(name, [...new Set(members.flatMap((index) => candidates[index] ?? []))]);
  }
  const fresh = new Map(all.flatMap(({ host }) => (host === null ? [] : [[host.name, host] as const])));
  const left = fleet.filter(({ name }) => !fresh.has(name)).map(({ name }) => name);
  return {
    kind: "reach",
    fleet: fleet.map((host) => fresh.get(host.name) ?? host),
    roster: { hosts, groups, labels: roster.labels },
    notes: [...mergers(named), ...leftOut(left)],
  };
}

/** The hosts of a pattern, narrowed by limits. `pattern` may name what is enrolled and not in the inventory: it is told. */
export function selectReached<H extends FleetHost>(
  pattern: string,
  limits: readonly string[],
  { roster, fleet }: Reach<H>,
): Selection<Candidate<H>> {
  const selection = selectIn(pattern, roster, limits);
  if (selection.kind !== "unmatched") return selection;
  const enrolled = new Set(fleet.map(({ name }) => name));
  const terms = selection.terms.map((one) =>
    enrolled.has(one.term) ? { ...one, nearest: [`${one.term} is enrolled, and not in the inventory`] } : one,
  );
  return { kind: "unmatched", terms };
}

interface Meeting<H> {
  /** By index of the inventory's hosts; two of them may be one. */
  readonly candidates: readonly Candidate<H>[];
  /** Names of the inventory by the enrolled name. */
  readonly named: ReadonlyMap<string, readonly string[]>;
}

/** Each host of the inventory beside the enrolled one of its name, or of the name it is reached by. */
function meet<H extends FleetHost>(fleet: readonly H[], entries: readonly ScopeHost[]): Meeting<H> | string {
  const byName = new Map(fleet.map((host) => [host.name, host]));
  const labels = new Map<string, Record<string, string>>();
  const named = new Map<string, string[]>();
  const owners = entries.map(({ name, address }) => byName.get(name) ?? byName.get(address));
  for (const [index, entry] of entries.entries()) {
    const host = owners[index];
    if (!host) continue;
    const known = labels.get(host.name) ?? { ...host.labels };
    for (const [key, value] of Object.entries(entry.labels)) {
      if (Object.hasOwn(known, key) && known[key] !== value) {
        return `host ${host.name} has the label ${key}=${known[key]}, and the inventory says ${key}=${value} of ${entry.name}; make them agree`;
      }
      known[key] = value;
    }
    labels.set(host.name, known);
    named.set(host.name, [...(named.get(host.name) ?? []), entry.name]);
  }
  const merged = new Map<string, Candidate<H>>();
  const candidates = entries.map((entry, index): Candidate<H> => {
    const host = owners[index];
    if (!host) return { name: entry.name, labels: entry.labels, host: null };
    const known = merged.get(host.name);
    if (known) return known;
    const all = labels.get(host.name) ?? host.labels;
    const candidate = { name: host.name, labels: all, host: { ...host, labels: all } };
    merged.set(host.name, candidate);
    return candidate;
  });
  return { candidates, named };
}

function mergers(named: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const twice = [...named].filter(([, names]) => names.length > 1);
  const hinted = [...named].filter(([host, [name]]) => name !== undefined && name !== host);
  return [
    ...twice.map(([host, names]) => `the inventory has ${names.length} names for host ${host}: ${someOf(names)}`),
    ...(hinted.length === 0
      ? []
      : [`known by ansible_host alone: ${someOf(hinted.map(([host, [name]]) => `${name} is host ${host}`))}`]),
  ].slice(0, 20);
}

function leftOut(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const count = names.length === 1 ? "1 enrolled host is" : `${names.length} enrolled hosts are`;
  return [`${count} not in the inventory and not looked at: ${someOf(foldHosts(names).split(","))}`];
}
