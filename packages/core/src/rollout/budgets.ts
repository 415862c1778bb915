import { type NothingSelected, type Selectable, type Selection, select } from "../fleet/select.ts";
import type { BudgetSpec, Size } from "../rollout-file/spec.ts";

// Budgets say how many hosts may be unavailable at once. They count every host of the fleet that they are over, taken by
// this rollout, by another one or by nobody: an outage is an outage.

/** A budget over the fleet of a moment, frozen with its plan. */
export interface Budget {
  /** For people: `zone=a: at most 1 of 12`. */
  readonly name: string;
  readonly groups: readonly BudgetGroup[];
  /** So many groups at once may have a host that is unavailable; null: any number. */
  readonly maxGroups: number | null;
}

export interface BudgetGroup {
  /** Value of the label; empty where the budget has none. */
  readonly value: string;
  readonly hostIds: readonly string[];
  /** Integer that the size became; 0: none of them. */
  readonly most: number;
  /** Where groups are counted: members that count as unavailable, for nobody enrolled them. Not there: none. */
  readonly absent?: number;
}

export interface BudgetHost extends Selectable {
  readonly id: string;
  /** An inventory names it and nobody enrolled it: nobody knows how it is, so it counts as unavailable. */
  readonly isAbsent?: boolean;
}

export type Budgets =
  | { readonly kind: "budgets"; readonly budgets: readonly Budget[] }
  | { readonly kind: "nothing"; readonly budget: number; readonly why: NothingSelected }
  /** A group of one host, or one whose quorum leaves none: taking it is an outage, which somebody has to accept. */
  | { readonly kind: "outage"; readonly budget: number; readonly group: string; readonly why: string };

/**
 * Budgets as integers over the whole fleet. Percentages are rounded down and are at least 1; `0` is none. `planned` are
 * hosts that the rollout would take: an outage matters for their groups alone.
 */
export function budgetsOf(
  specs: readonly BudgetSpec[],
  fleet: readonly BudgetHost[],
  planned: ReadonlySet<string>,
  named: (pattern: string) => Selection<BudgetHost> = (pattern) => select(pattern, fleet),
): Budgets {
  const budgets: Budget[] = [];
  for (const [index, spec] of specs.entries()) {
    const selection = spec.select === null ? null : named(spec.select);
    if (selection !== null && selection.kind !== "selected") return { kind: "nothing", budget: index, why: selection };
    const groups = groupsOf(spec, selection?.hosts ?? fleet);
    const lasting = groups.filter(({ absent }) => absent > 0).length;
    for (const group of groups) {
      const why = spec.acceptOutage ? null : (outage(spec, group, group.absent) ?? noGroupLeft(spec, group, lasting));
      if (why !== null && group.hostIds.some((id) => planned.has(id))) {
        return { kind: "outage", budget: index, group: nameOf(spec, group), why };
      }
    }
    const maxGroups = spec.limit.kind === "groups" ? spec.limit.most : null;
    const isKept = maxGroups !== null && !spec.acceptOutage;
    const frozen = groups
      .map(({ absent, ...group }) => (isKept && absent > 0 ? { ...group, absent } : group))
      .filter((group) => group.hostIds.length > 0 || isTaken(group, () => false));
    budgets.push({ name: titleOf(spec), groups: frozen, maxGroups });
  }
  return { kind: "budgets", budgets };
}

type CountedGroup = BudgetGroup & {
  /** Members that are not enrolled. */
  readonly absent: number;
};

/** Hosts without the label are a group of their own each: nothing says that they stand in for one another. */
function groupsOf(spec: BudgetSpec, hosts: readonly BudgetHost[]): readonly CountedGroup[] {
  const { by } = spec;
  const members = new Map<string, { hostIds: string[]; absent: number }>();
  for (const { id, labels, isAbsent = false } of hosts) {
    const value = by === null ? "" : (labels[by] ?? `(no ${by}) ${id}`);
    const group = members.get(value) ?? { hostIds: [], absent: 0 };
    members.set(value, group);
    if (isAbsent) group.absent++;
    else group.hostIds.push(id);
  }
  return [...members].map(([value, group]) => ({ value, ...group, most: mostOf(spec, group) }));
}

/** Those that are absent are members, and take places of their own. */
function mostOf(
  { limit, acceptOutage }: BudgetSpec,
  { hostIds, absent }: Pick<CountedGroup, "hostIds" | "absent">,
): number {
  const members = hostIds.length + absent;
  switch (limit.kind) {
    case "groups":
      return hostIds.length;
    case "quorum": {
      // More than half have to stay: of 5 two may go, of 4 one, of 2 and 1 none but by acceptOutage.
      const most = Math.ceil(members / 2) - 1 - absent;
      return acceptOutage ? Math.max(1, most) : Math.max(0, most);
    }
    case "unavailable": {
      const most = sizeOf(limit.size, members);
      return acceptOutage ? most : Math.max(0, most - absent);
    }
  }
}

function sizeOf(size: Size, members: number): number {
  switch (size.kind) {
    case "none":
      return 0;
    case "hosts":
      return size.count;
    case "percent":
      return Math.max(1, Math.floor((members * size.percent) / 100));
  }
}

function outage({ limit }: BudgetSpec, { hostIds, most }: BudgetGroup, absent: number): string | null {
  const isNone = limit.kind === "unavailable" && limit.size.kind === "none";
  if (absent > 0 && most === 0 && !isNone) {
    const whole = hostIds.length + absent;
    return `${absent} of its ${whole} hosts ${absent === 1 ? "is" : "are"} not enrolled and counts as unavailable`;
  }
  if (limit.kind === "quorum" && most === 0) {
    return `no quorum is left of ${hostIds.length === 1 ? "1 host" : `${hostIds.length} hosts`} when one is taken`;
  }
  // Somebody wrote a budget for what they keep several of.
  return limit.kind === "unavailable" && most > 0 && hostIds.length === 1 ? "it is the only host of its group" : null;
}

/** Of groups that none of their own is absent of: no other one may be taken beside those that stay away. */
function noGroupLeft({ limit }: BudgetSpec, { absent }: CountedGroup, lasting: number): string | null {
  if (limit.kind !== "groups" || absent > 0 || lasting < limit.most) return null;
  const groups = lasting === 1 ? "1 group has" : `${lasting} groups have`;
  return `${groups} a host that is not enrolled and counts as unavailable, and at most ${limit.most} may`;
}

function titleOf({ by, select: pattern, limit }: BudgetSpec): string {
  const over = [...(pattern === null ? [] : [pattern]), ...(by === null ? [] : [`by ${by}`])].join(" ") || "all hosts";
  switch (limit.kind) {
    case "groups":
      return `${over}: at most ${limit.most} groups`;
    case "quorum":
      return `${over}: a majority stays`;
    case "unavailable":
      return `${over}: at most ${sizeText(limit.size)}`;
  }
}

function sizeText(size: Size): string {
  return size.kind === "none" ? "0" : size.kind === "hosts" ? String(size.count) : `${size.percent}%`;
}

function nameOf({ by }: BudgetSpec, { value }: BudgetGroup): string {
  return by === null ? "its hosts" : value.startsWith("(no ") ? value : `${by}=${value}`;
}

/**
 * Why one more host may not become unavailable now, or null. `charged` are hosts of the fleet that are unavailable or
 * may be, for whatever reason; the host itself, where it is among them, changes nothing.
 */
export function overBudget(hostId: string, budgets: readonly Budget[], charged: ReadonlySet<string>): string | null {
  if (charged.has(hostId)) return null;
  for (const budget of budgets) {
    const group = budget.groups.find(({ hostIds }) => hostIds.includes(hostId));
    if (!group) continue;
    const isCharged = (id: string) => charged.has(id);
    const taken = group.hostIds.filter(isCharged).length;
    if (taken + 1 > group.most) {
      const where = group.value === "" ? "" : ` in ${group.value}`;
      return `budget (${budget.name}): ${taken} of ${group.hostIds.length} unavailable${where}, at most ${group.most}`;
    }
    if (budget.maxGroups === null || isTaken(group, isCharged)) continue;
    const groups = budget.groups.filter((one) => isTaken(one, isCharged)).length;
    if (groups + 1 > budget.maxGroups) {
      return `budget (${budget.name}): ${groups} groups have a host that is unavailable, at most ${budget.maxGroups}`;
    }
  }
  return null;
}

/** Somebody of it is unavailable. */
export function isTaken({ hostIds, absent = 0 }: BudgetGroup, isCharged: (hostId: string) => boolean): boolean {
  return absent > 0 || hostIds.some(isCharged);
}
