// Variables of inventories, no more of them than somebody asked for: everything else is passed over and never kept, for
// inventories are full of secrets. Values are read as Ansible reads them, and nothing is decrypted or evaluated.
import { badLabel, isHostName } from "../labels.ts";
import { echoed } from "../text.ts";
import type { Group, Inventory } from "./tree.ts";

export type Value =
  | { readonly kind: "text"; readonly text: string }
  /** Said to be nothing, which overrides what is more general. */
  | { readonly kind: "none" }
  /** Encrypted, a template, or no single value. */
  | { readonly kind: "other"; readonly what: string };

export type Variables = ReadonlyMap<string, Value>;

export const PRIORITY = "ansible_group_priority";
export const ADDRESS = "ansible_host";

/** What `group_vars` and `host_vars` beside one source say, by name of group and host. */
export interface Beside {
  readonly groups: ReadonlyMap<string, Variables>;
  readonly hosts: ReadonlyMap<string, Variables>;
}

/** A value of YAML or JSON, whole numbers as bigint. */
export function plainValue(value: unknown): Value {
  switch (typeof value) {
    case "string":
      return textValue(value);
    case "number":
    case "bigint":
      return { kind: "text", text: numberText(value, typeof value === "number") };
    case "boolean":
      return { kind: "text", text: String(value) };
    default:
      return value === null || value === undefined ? { kind: "none" } : { kind: "other", what: "no single value" };
  }
}

/** A value of INI, which Ansible reads as a literal of Python where it is one. */
export function literalOf(text: string): Value {
  if (/^[-+]?(?:0|[1-9][0-9]*)$/.test(text))
    return { kind: "text", text: text.replace(/^\+/, "").replace(/^-0$/, "0") };
  if (/^[-+]?[0-9]+\.[0-9]*$/.test(text)) return { kind: "text", text: numberText(Number(text), true) };
  if (text === "True" || text === "False") return { kind: "text", text: text.toLowerCase() };
  if (text === "None") return { kind: "none" };
  const quoted = /^(?:'([^'\\]*)'|"([^"\\]*)")$/.exec(text);
  if (quoted) return textValue(quoted[1] ?? quoted[2] ?? "");
  if (/^(?:\[.*\]|\{[^{%].*\}|\{\}|\(.*\))$/.test(text)) return { kind: "other", what: "no single value" };
  return textValue(text);
}

function textValue(text: string): Value {
  if (text.startsWith("$ANSIBLE_VAULT")) return { kind: "other", what: "encrypted" };
  if (/\{\{|\{%/.test(text)) return { kind: "other", what: "a template, which is not evaluated" };
  return { kind: "text", text };
}

/** Python writes whole floats with a point. */
function numberText(value: number | bigint, isFloat: boolean): string {
  const text = String(value);
  return isFloat && /^-?[0-9]+$/.test(text) ? `${text}.0` : text;
}

/**
 * The variables of every host, by Ansible's precedence: groups of the inventory from `all` down, those beside it likewise,
 * then the host's own. Groups at one depth go by priority, then by name.
 */
export function flattened(inventory: Inventory, beside: readonly Beside[]): (host: string) => Variables {
  const order = inOrder(inventory);
  const groupsOf = new Map<string, Group[]>();
  for (const group of order) {
    for (const host of group.members) groupsOf.set(host, [...(groupsOf.get(host) ?? []), group]);
  }
  const all = inventory.groups.get("all");
  return (host) => {
    const variables = new Map<string, Value>();
    const merge = (more: Variables | undefined) => {
      for (const [key, value] of more ?? []) variables.set(key, value);
    };
    const groups = groupsOf.get(host) ?? [];
    merge(all?.variables);
    for (const group of groups) merge(group.variables);
    for (const each of beside) merge(each.groups.get("all"));
    for (const each of beside) for (const { name } of groups) merge(each.groups.get(name));
    merge(inventory.variables.get(host));
    for (const each of beside) merge(each.hosts.get(host));
    return variables;
  };
}

/** All groups but `all`, each with the hosts of the groups below it. */
function inOrder({ groups }: Inventory) {
  const depths = new Map<string, number>([["all", 0]]);
  // A group is as deep as its longest way from `all`; there are no circles.
  const visit = (name: string, depth: number) => {
    for (const child of groups.get(name)?.children ?? []) {
      if ((depths.get(child) ?? 0) > depth) continue;
      depths.set(child, depth + 1);
      visit(child, depth + 1);
    }
  };
  visit("all", 0);
  const members = membersBelow(groups, depths);
  return [...groups.values()]
    .filter(({ name }) => name !== "all")
    .map((group) => ({ ...group, members: members.get(group.name) ?? new Set<string>() }))
    .sort((a, b) => compare([depths.get(a.name) ?? 0, a], [depths.get(b.name) ?? 0, b]));
}

function compare([depthA, a]: readonly [number, Group], [depthB, b]: readonly [number, Group]): number {
  return depthA - depthB || a.priority - b.priority || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Deepest first, so that every child is whole before its parents take it. */
function membersBelow(groups: Inventory["groups"], depths: ReadonlyMap<string, number>) {
  const members = new Map<string, Set<string>>();
  const deepestFirst = [...groups.values()].sort((a, b) => (depths.get(b.name) ?? 0) - (depths.get(a.name) ?? 0));
  for (const { name, hosts, children } of deepestFirst) {
    const all = new Set(hosts);
    for (const child of children) for (const host of members.get(child) ?? []) all.add(host);
    members.set(name, all);
  }
  return members;
}

/** By key of a label the variable that it is taken from. */
export type LabelMap = ReadonlyMap<string, string>;

export type Labelled =
  | { readonly kind: "labels"; readonly labels: Readonly<Record<string, string>>; readonly address: string }
  | { readonly kind: "mistake"; readonly why: string };

/** What of a host's variables leaves this machine: the labels that were asked for, and where it is reached. */
export function labelsFrom(host: string, variables: Variables, map: LabelMap): Labelled {
  const labels: Record<string, string> = {};
  for (const [key, name] of map) {
    const value = variables.get(name);
    if (!value || value.kind === "none") continue;
    const bad = value.kind === "other" ? `it is ${value.what}` : badLabel(key, value.text);
    if (bad !== null) return { kind: "mistake", why: `variable ${echoed(name)} of ${host} is no label: ${bad}` };
    labels[key] = value.kind === "text" ? value.text : "";
  }
  const reached = variables.get(ADDRESS);
  const address = reached?.kind === "text" && reached.text !== host && isHostName(reached.text) ? reached.text : "";
  return { kind: "labels", labels, address };
}
