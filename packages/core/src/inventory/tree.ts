// Groups and hosts of Ansible inventories, as ansible.inventory.data keeps them: several sources fill one tree, and the
// order in which names were first met is kept. Of variables those alone are kept that were asked for.
import { type Value, type Variables, PRIORITY } from "./variables.ts";

export interface Group {
  readonly name: string;
  /** Hosts that were put into this very group. */
  readonly hosts: ReadonlySet<string>;
  readonly children: ReadonlySet<string>;
  readonly variables: Variables;
  /** ansible_group_priority: of groups at one depth the higher one wins. */
  readonly priority: number;
}

export interface Inventory {
  /** Of hosts themselves, by name. */
  readonly variables: ReadonlyMap<string, Variables>;
  readonly hosts: ReadonlySet<string>;
  /** `all` and `ungrouped` are always there. */
  readonly groups: ReadonlyMap<string, Group>;
}

/** What an inventory is refused for: the line, where there is one, and one sentence. */
export interface Mistake {
  readonly line: number | null;
  readonly why: string;
}

interface OpenGroup extends Group {
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  readonly parents: Set<string>;
  readonly variables: Map<string, Value>;
  priority: number;
}

/** An inventory that is being read. */
export interface Tree {
  readonly hosts: Set<string>;
  readonly groups: Map<string, OpenGroup>;
  readonly variables: Map<string, Map<string, Value>>;
  /** Names of variables that are kept. */
  readonly wanted: ReadonlySet<string>;
}

export function emptyTree(wanted: Iterable<string> = []): Tree {
  const tree: Tree = { hosts: new Set(), groups: new Map(), variables: new Map(), wanted: new Set(wanted) };
  addGroup(tree, "all");
  addChild(tree, "all", "ungrouped");
  return tree;
}

export function addGroup(tree: Tree, name: string): OpenGroup {
  const known = tree.groups.get(name);
  if (known) return known;
  const [hosts, children, parents] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const group = { name, hosts, children, parents, variables: new Map<string, Value>(), priority: 1 };
  tree.groups.set(name, group);
  return group;
}

export function addHost(tree: Tree, group: string, name: string): void {
  tree.hosts.add(name);
  addGroup(tree, group).hosts.add(name);
}

export function setGroupVariable(tree: Tree, group: string, key: string, value: Value): void {
  const open = addGroup(tree, group);
  const priority = key === PRIORITY && value.kind === "text" ? Number(value.text) : Number.NaN;
  if (Number.isInteger(priority)) open.priority = priority;
  if (tree.wanted.has(key)) open.variables.set(key, value);
}

export function setHostVariable(tree: Tree, host: string, key: string, value: Value): void {
  if (!tree.wanted.has(key)) return;
  const variables = tree.variables.get(host) ?? new Map<string, Value>();
  tree.variables.set(host, variables.set(key, value));
}

/** Why `child` cannot be a child of `group`, or undefined. */
export function addChild(tree: Tree, group: string, child: string): string | undefined {
  const parent = addGroup(tree, group);
  if (parent.children.has(child)) return undefined;
  if (child === group || ancestors(tree, group).has(child)) return `group ${child} would be inside itself`;
  parent.children.add(child);
  addGroup(tree, child).parents.add(group);
  return undefined;
}

/** What Ansible does once all sources are read: every group is under `all`, every host without a group in `ungrouped`. */
export function reconciled(tree: Tree): Inventory {
  for (const { name, parents } of tree.groups.values()) {
    if (name !== "all" && parents.size === 0) addChild(tree, "all", name);
  }
  const groupsOf = new Map<string, Set<string>>();
  for (const { name, hosts } of tree.groups.values()) {
    const above = hosts.size === 0 ? [] : [name, ...ancestors(tree, name)];
    for (const host of hosts) for (const each of above) groupsOf.set(host, (groupsOf.get(host) ?? new Set()).add(each));
  }
  const ungrouped = addGroup(tree, "ungrouped");
  for (const [host, groups] of groupsOf) {
    const isGrouped = [...groups].some((group) => group !== "all" && group !== "ungrouped");
    if (isGrouped) ungrouped.hosts.delete(host);
    else ungrouped.hosts.add(host);
  }
  return tree;
}

/** Hosts of a group and of all groups below it: level by level, in the order written, each once. */
export function membersOf(inventory: Inventory, name: string): readonly string[] {
  const seen = new Set<string>([name]);
  const members = new Set<string>();
  for (const each of seen) {
    const group = inventory.groups.get(each);
    for (const host of group?.hosts ?? []) members.add(host);
    for (const child of group?.children ?? []) seen.add(child);
  }
  return [...members];
}

function ancestors(tree: Tree, name: string): ReadonlySet<string> {
  const seen = new Set<string>(tree.groups.get(name)?.parents);
  for (const each of seen) for (const parent of tree.groups.get(each)?.parents ?? []) seen.add(parent);
  return seen;
}
