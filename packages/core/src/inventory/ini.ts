// Ansible's INI inventories, in one pass; see ansible.builtin.ini. Any mistake refuses the whole text.
import { echoed } from "../text.ts";
import { hostNames } from "./host-names.ts";
import { addChild, addGroup, addHost, type Mistake, setGroupVariable, setHostVariable, type Tree } from "./tree.ts";
import { literalOf } from "./variables.ts";
import { shellWords } from "./words.ts";

const SECTION = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/;
const GROUP = /^([^:\]\s]+)\s*(?:#.*)?$/;

/** A group that is named before its own section: as a child of `parents`, or by its variables alone. */
type Pending =
  | { readonly kind: "child"; readonly line: number; readonly parents: string[] }
  | { readonly kind: "vars"; readonly line: number };

interface Reading {
  readonly tree: Tree;
  readonly pending: Map<string, Pending>;
  group: string;
  state: "hosts" | "children" | "vars";
}

/** Puts what `text` says into `tree`; the mistake for which it is refused, or null. */
export function readIni(text: string, tree: Tree): Mistake | null {
  const reading: Reading = { tree, pending: new Map(), group: "ungrouped", state: "hosts" };
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const why = readLine(line, index + 1, reading);
    if (why !== undefined) return { line: index + 1, why };
  }
  for (const [name, pending] of reading.pending) {
    const why =
      pending.kind === "vars"
        ? `[${name}:vars] has no group ${echoed(name)}; write [${name}] too`
        : `group ${echoed(name)} is named as a child, but has no section; write [${name}]`;
    return { line: pending.line, why };
  }
  return null;
}

/** What is wrong with a line, or undefined. */
function readLine(line: string, at: number, reading: Reading): string | undefined {
  const section = SECTION.exec(line);
  if (section) return openSection(section[1] ?? "", section[2] ?? "hosts", at, reading);
  if (line.startsWith("[") && line.endsWith("]"))
    return `${echoed(line)} is no section: it has a blank or a wrong character`;
  switch (reading.state) {
    case "hosts":
      return readHosts(line, reading);
    case "children":
      return readChild(line, at, reading);
    case "vars":
      return readVariable(line, reading);
  }
}

function openSection(name: string, state: string, at: number, reading: Reading): string | undefined {
  if (state !== "hosts" && state !== "children" && state !== "vars")
    return `[${name}:${state}] is no section; write [${name}], [${name}:children] or [${name}:vars]`;
  const { tree, pending } = reading;
  if (!tree.groups.has(name) && state === "vars" && !pending.has(name)) pending.set(name, { kind: "vars", line: at });
  addGroup(tree, name);
  reading.group = name;
  reading.state = state;
  return state === "vars" ? undefined : settle(name, reading);
}

/** The group is declared: whoever waited for it as a child gets it. */
function settle(name: string, reading: Reading): string | undefined {
  const waiting = reading.pending.get(name);
  reading.pending.delete(name);
  if (waiting?.kind !== "child") return undefined;
  for (const parent of waiting.parents) {
    const why = addChild(reading.tree, parent, name);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** The rest of the line is the value, whatever is in it. */
function readVariable(line: string, { tree, group }: Reading): string | undefined {
  const at = line.indexOf("=");
  if (at < 0) return `${echoed(line)} is no variable: write key=value`;
  setGroupVariable(tree, group, line.slice(0, at).trim(), literalOf(line.slice(at + 1).trim()));
  return undefined;
}

function readHosts(line: string, { tree, group }: Reading): string | undefined {
  const words = shellWords(line);
  if (words === null) return `${echoed(line)}: a quote is not closed`;
  const [pattern = "", ...variables] = words;
  const wrong = variables.find((word) => !word.includes("="));
  if (wrong !== undefined) return `${echoed(wrong)} behind a host is no variable: write key=value`;
  const hosts = hostNames(pattern);
  if (hosts.kind === "invalid") return hosts.why;
  for (const name of hosts.names) {
    addHost(tree, group, name);
    for (const word of variables) {
      const at = word.indexOf("=");
      setHostVariable(tree, name, word.slice(0, at), literalOf(word.slice(at + 1)));
    }
  }
  return undefined;
}

function readChild(line: string, at: number, { tree, pending, group }: Reading): string | undefined {
  const child = GROUP.exec(line)?.[1];
  if (child === undefined) return `${echoed(line)} is no group's name`;
  if (tree.groups.has(child)) return addChild(tree, group, child);
  const waiting = pending.get(child);
  if (waiting?.kind === "child") waiting.parents.push(group);
  else pending.set(child, { kind: "child", line: at, parents: [group] });
  return undefined;
}
