// Where a pattern looks, beside the fleet itself: limits, and an inventory that names hosts and groups.
import { badLabel } from "../labels.ts";

export interface Scope {
  /** Patterns; each narrows what was selected. */
  readonly limits: readonly string[];
  /** Null: patterns select among all hosts of the fleet. */
  readonly inventory: ScopeInventory | null;
}

export const NO_SCOPE: Scope = { limits: [], inventory: null };

export interface ScopeInventory {
  /** In the order in which the inventory named them. */
  readonly hosts: readonly ScopeHost[];
  /** As declared, `all` left out. */
  readonly groups: readonly ScopeGroup[];
}

export interface ScopeHost {
  readonly name: string;
  /** Where Ansible would reach it, a hint for whom it is; empty: not said. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ScopeGroup {
  readonly name: string;
  /** Indices of hosts, those of the groups below it included. */
  readonly members: readonly number[];
}

export const MOST_SCOPE_HOSTS = 10_000;
export const MOST_SCOPE_GROUPS = 10_000;
/** Over all groups together. */
export const MOST_SCOPE_MEMBERS = 1_000_000;
export const MOST_LIMITS = 100;
const MOST_LABELS = 50;
export const LONGEST_LIMIT = 1_000_000;

export function isScoped({ limits, inventory }: Scope): boolean {
  return limits.length > 0 || inventory !== null;
}

/** What is wrong with a scope that came from elsewhere, or null. */
export function scopeMistake({ limits, inventory }: Scope): string | null {
  if (limits.length > MOST_LIMITS) return `at most ${MOST_LIMITS} limits`;
  if (limits.some((limit) => limit.trim() === "")) return "a limit is empty; write 'all' for every host";
  if (limits.some((limit) => limit.length > LONGEST_LIMIT)) return `a limit has at most ${LONGEST_LIMIT} characters`;
  if (inventory === null) return null;
  const { hosts, groups } = inventory;
  if (hosts.length === 0) return "the inventory has no hosts";
  if (hosts.length > MOST_SCOPE_HOSTS) return `an inventory has at most ${MOST_SCOPE_HOSTS} hosts`;
  if (groups.length > MOST_SCOPE_GROUPS) return `an inventory has at most ${MOST_SCOPE_GROUPS} groups`;
  if (new Set(hosts.map(({ name }) => name)).size < hosts.length) return "the inventory names a host twice";
  if (new Set(groups.map(({ name }) => name)).size < groups.length) return "the inventory names a group twice";
  const names = [...hosts, ...groups].map(({ name }) => name);
  if (names.some((name) => name === "" || name.length > 255)) return "a name has from 1 to 255 characters";
  for (const { labels } of hosts) {
    if (Object.keys(labels).length > MOST_LABELS) return `a host has at most ${MOST_LABELS} labels of the inventory`;
    for (const [key, value] of Object.entries(labels)) {
      const bad = badLabel(key, value);
      if (bad !== null) return bad;
    }
  }
  let members = 0;
  for (const group of groups) {
    members += group.members.length;
    if (group.members.some((index) => !Number.isInteger(index) || index < 0 || index >= hosts.length)) {
      return "a group has a member that is no host";
    }
  }
  return members > MOST_SCOPE_MEMBERS ? `groups have at most ${MOST_SCOPE_MEMBERS} members together` : null;
}
