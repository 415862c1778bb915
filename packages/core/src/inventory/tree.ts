// Groups and hosts of Ansible inventories, as ansible.inventory.data keeps them: several sources fill one tree, and the
// order in which names were first met is kept. Variables are not kept.

export interface Group {
  readonly name: string;
  /** Hosts that were put into this very group. */
  readonly hosts: ReadonlySet<string>;
  readonly children: ReadonlySet<string>;
}

export interface Inventory {
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
}

/** An inventory that is being read. */
export interface Tree {
  readonly hosts: Set<string>;
  readonly groups: Map<string, OpenGroup>;
}

export function emptyTree(): Tree {
  const tree: Tree = { hosts: new Set(), groups: new Map() };
  addGroup(tree, "all");
  addChild(tree, "all", "ungrouped");
  return tree;
}

export function addGroup(tree: Tree, name: string): OpenGroup {
  const known = tree.groups.get(name);
  if (known) return known;
  const group = { name, hosts: new Set<string>(), children: new Set<string>(), parents: new Set<string>() };
  tree.groups.set(name, group);
  return group;
}

export function addHost(tree: Tree, group: string, name: string): void {
  tree.hosts.add(name);
  addGroup(tree, group).hosts.add(name);
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
