import type { Attributes } from "./config.ts";

/** How configuration files are reached; null when there is no such file or folder, or it cannot be read. */
export interface XinetdFiles {
  readonly text: (path: string) => string | null;
  /** Names of the regular files (links followed) in a folder. */
  readonly names: (path: string) => readonly string[] | null;
}

interface Entry {
  readonly name: string;
  readonly attributes: Attributes;
}

export interface Configuration {
  readonly defaults: Attributes;
  readonly entries: readonly Entry[];
}

const MAX_FILES = 4096;

/** Entries of a configuration as xinetd 2.3.15 reads them: no quotes, no comments behind a value. */
export function parseEntries(path: string, files: XinetdFiles): Configuration {
  const state = { files, read: new Set<string>(), defaults: null as Attributes | null, entries: [] as Entry[] };
  readFile(path, state);
  return { defaults: state.defaults ?? new Map(), entries: state.entries };
}

interface State {
  readonly files: XinetdFiles;
  readonly read: Set<string>;
  defaults: Attributes | null;
  readonly entries: Entry[];
}

function readFile(path: string, state: State): void {
  // Each file once: a configuration that includes itself ends here.
  if (state.read.has(path) || state.read.size >= MAX_FILES) return;
  state.read.add(path);
  const lines = (state.files.text(path) ?? "").split("\n").map(words).filter(isMeaningful);
  for (let at = 0; at < lines.length; ) {
    const [keyword = "", argument] = lines[at] ?? [];
    const kind = keyword.toLowerCase();
    at += 1;
    if (kind === "include" && argument !== undefined) readFile(argument, state);
    else if (kind === "includedir" && argument !== undefined) readFolder(argument, state);
    else if (kind === "defaults" || (kind === "service" && argument !== undefined))
      at = readEntry(kind, argument, lines, at, state);
  }
}

function readFolder(path: string, state: State): void {
  const names = (state.files.names(path) ?? []).filter((name) => !name.includes(".") && !name.endsWith("~"));
  for (const name of names.toSorted()) readFile(`${path.replace(/\/+$/, "")}/${name}`, state);
}

function readEntry(
  kind: string,
  name: string | undefined,
  lines: readonly string[][],
  start: number,
  state: State,
): number {
  // `{` must stand alone on its line; without it the entry is no entry.
  if (lines[start]?.length !== 1 || lines[start]?.[0] !== "{") return start;
  const attributes = new Map<string, readonly string[]>();
  const lists = new Map<string, Set<string>>();
  let isBroken = false;
  let at = start + 1;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? [];
    if (line[0] === "}") break;
    isBroken = !readAttribute(line, kind, attributes, lists) || isBroken;
  }
  for (const [list, values] of lists) attributes.set(list, [...values]);
  if (isBroken) return at + 1; // xinetd drops the whole entry
  if (kind === "defaults") state.defaults ??= attributes;
  else if (name !== undefined) state.entries.push({ name, attributes });
  return at + 1;
}

// Number of values of the attributes used here; another number and xinetd ignores the attribute.
const SINGLE = new Set(["disable", "id", "port", "protocol", "socket_type", "wait", "server", "bind", "interface"]);
const LISTS = new Set(["disabled", "enabled"]);

/** False for a line that is no attribute: `port=1` without blanks. */
function readAttribute(
  line: readonly string[],
  kind: string,
  attributes: Map<string, readonly string[]>,
  lists: Map<string, Set<string>>,
): boolean {
  const [attribute = "", operator, ...values] = line;
  const name = attribute.toLowerCase();
  if (operator !== "=" && operator !== "+=" && operator !== "-=") return false;
  if (kind === "defaults" && LISTS.has(name)) {
    const list = lists.get(name) ?? new Set();
    lists.set(name, list);
    for (const value of values) {
      if (operator === "-=") list.delete(value);
      else list.add(value);
    }
    return true;
  }
  const isValid = SINGLE.has(name) ? values.length === 1 : name !== "redirect" || values.length === 2;
  if (isValid && operator === "=" && !attributes.has(name)) attributes.set(name, values);
  return true;
}

function words(line: string): string[] {
  return line.split(/[ \t\r]+/).filter(Boolean);
}

function isMeaningful([first]: readonly string[]): boolean {
  return first !== undefined && !first.startsWith("#");
}
