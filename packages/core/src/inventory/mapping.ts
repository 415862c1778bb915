// Inventories that are mappings: Ansible's YAML (ansible.builtin.yaml), and JSON as `ansible-inventory --list` prints it.
// A mapping is a Map, which keeps the order that was written.
import { echoed } from "../text.ts";
import { hostNames } from "./host-names.ts";
import { addChild, addGroup, addHost, setGroupVariable, setHostVariable, type Tree } from "./tree.ts";
import { plainValue } from "./variables.ts";

/** Deeper than any inventory; beyond it nothing is read. */
const DEEPEST = 100;

/** Why a document is refused, with the keys that lead to it; null when it was put into `tree`. */
export interface Refused {
  readonly path: readonly string[];
  readonly why: string;
}

export const PLUGIN = "is the configuration of an inventory plugin, which is not run";

export function readYaml(document: unknown, tree: Tree): Refused | null {
  if (!(document instanceof Map)) return { path: [], why: "is no mapping of groups" };
  if (document.get("plugin")) return { path: ["plugin"], why: PLUGIN };
  return each(document, (name, value) => readGroup([String(name)], value, tree));
}

function readGroup(path: readonly string[], value: unknown, tree: Tree): Refused | null {
  const name = path.at(-1) ?? "";
  if (!isGroupName(name)) return { path, why: `${echoed(name)} is no group's name` };
  if (path.length > 2 * DEEPEST) return { path: path.slice(0, 3), why: "groups are nested too deeply" };
  if (value !== null && value !== undefined && !(value instanceof Map))
    return { path, why: `group ${echoed(name)} is no mapping of hosts, children and vars` };
  addGroup(tree, name);
  return each(value ?? new Map(), (key, content) => readSection([...path, String(key)], name, content, tree));
}

function readSection(path: readonly string[], group: string, content: unknown, tree: Tree): Refused | null {
  const key = path.at(-1) ?? "";
  if (key !== "hosts" && key !== "children" && key !== "vars")
    return { path, why: `${echoed(key)} in group ${echoed(group)} is neither hosts nor children nor vars` };
  if (content === null || content === undefined) return null;
  const entries = typeof content === "string" ? new Map([[content, null]]) : content;
  if (!(entries instanceof Map))
    return {
      path,
      why: `${key} of group ${echoed(group)} is no mapping; write each name with a ':' behind it, without '-'`,
    };
  return each(entries, (name, value) => {
    const inside = [...path, String(name)];
    if (key === "vars") setGroupVariable(tree, group, String(name), plainValue(value));
    if (key === "vars") return null;
    if (key === "hosts") return readHost(inside, group, value, tree);
    const refused = readGroup(inside, value, tree);
    if (refused) return refused;
    const why = addChild(tree, group, String(name));
    return why === undefined ? null : { path: inside, why };
  });
}

function readHost(path: readonly string[], group: string, value: unknown, tree: Tree): Refused | null {
  const hosts = hostNames(path.at(-1) ?? "");
  if (hosts.kind === "invalid") return { path, why: hosts.why };
  for (const name of hosts.names) {
    addHost(tree, group, name);
    hostVariables(name, value, tree);
  }
  return null;
}

function hostVariables(host: string, variables: unknown, tree: Tree): void {
  if (!(variables instanceof Map)) return;
  for (const [key, value] of variables) setHostVariable(tree, host, String(key), plainValue(value));
}

/** True for what `ansible-inventory --list` prints: groups whose hosts or children are lists. */
export function isListing(document: unknown): boolean {
  if (!(document instanceof Map)) return false;
  if (document.has("_meta")) return true;
  return [...document.values()].some(
    (group) =>
      Array.isArray(group) ||
      (group instanceof Map && (Array.isArray(group.get("hosts")) || Array.isArray(group.get("children")))),
  );
}

export function readListing(document: ReadonlyMap<unknown, unknown>, tree: Tree): Refused | null {
  return each(document, (key, value) => {
    const name = String(key);
    if (name === "_meta") return readHostvars(value, tree);
    if (!isGroupName(name)) return { path: [name], why: `${echoed(name)} is no group's name` };
    addGroup(tree, name);
    const group = Array.isArray(value) ? new Map<unknown, unknown>([["hosts", value]]) : value;
    if (!(group instanceof Map)) return { path: [name], why: `group ${echoed(name)} is neither a mapping nor a list` };
    const variables: unknown = group.get("vars");
    if (variables instanceof Map)
      for (const [variable, content] of variables) setGroupVariable(tree, name, String(variable), plainValue(content));
    return listed(name, "hosts", group, tree) ?? listed(name, "children", group, tree);
  });
}

/** Of hosts that no group names too, as Ansible keeps them: they say nothing then. */
function readHostvars(meta: unknown, tree: Tree): null {
  const hostvars: unknown = meta instanceof Map ? meta.get("hostvars") : null;
  if (hostvars instanceof Map) for (const [host, variables] of hostvars) hostVariables(String(host), variables, tree);
  return null;
}

function listed(
  group: string,
  key: "hosts" | "children",
  content: ReadonlyMap<unknown, unknown>,
  tree: Tree,
): Refused | null {
  const names = content.get(key) ?? [];
  const path = [group, key];
  if (!Array.isArray(names)) return { path, why: `${key} of group ${echoed(group)} is no list` };
  for (const name of names) {
    if (typeof name !== "string")
      return { path, why: `${key} of group ${echoed(group)} has something that is no name` };
    const why = key === "hosts" ? putHost(group, name, tree) : putChild(group, name, tree);
    if (why !== undefined) return { path, why };
  }
  return null;
}

/** A listing has names, never ranges. */
function putHost(group: string, name: string, tree: Tree): string | undefined {
  const hosts = hostNames(name);
  if (hosts.kind === "invalid") return hosts.why;
  if (hosts.names.length !== 1 || hosts.names[0] !== name) return `${echoed(name)} is no host name`;
  addHost(tree, group, name);
  return undefined;
}

function putChild(group: string, name: string, tree: Tree): string | undefined {
  return isGroupName(name) ? addChild(tree, group, name) : `${echoed(name)} is no group's name`;
}

function isGroupName(name: string): boolean {
  return /^[^:\]\s]+$/.test(name);
}

function each(
  entries: ReadonlyMap<unknown, unknown>,
  read: (key: unknown, value: unknown) => Refused | null,
): Refused | null {
  for (const [key, value] of entries) {
    const refused = read(key, value);
    if (refused) return refused;
  }
  return null;
}
