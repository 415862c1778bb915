import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import type { Inventory } from "@afterpatch/core/inventory/tree";
import { type Beside, plainValue, type Value, type Variables } from "@afterpatch/core/inventory/variables";
import { LONGEST_FILE } from "./read.ts";

/** What Ansible tries, in this order; the first that is there is taken (YAML_FILENAME_EXTENSIONS, of 2.14). */
const EXTENSIONS = ["", ".yml", ".yaml", ".json"];

/** `group_vars` and `host_vars` beside each source, and of them no more than the variables that are wanted. */
export async function readBeside(
  sources: readonly string[],
  inventory: Inventory,
  wanted: ReadonlySet<string>,
): Promise<readonly Beside[]> {
  const paths = sources.filter((source) => !source.includes(","));
  const places = await Promise.all(
    paths.map(async (path) => ((await stat(path)).isDirectory() ? path : dirname(path))),
  );
  const read: Beside[] = [];
  for (const place of places) {
    const groups = await readPlace(join(place, "group_vars"), inventory.groups.keys(), wanted);
    const hosts = await readPlace(join(place, "host_vars"), inventory.hosts, wanted);
    read.push({ groups, hosts });
  }
  return read;
}

async function readPlace(directory: string, names: Iterable<string>, wanted: ReadonlySet<string>) {
  const variables = new Map<string, Variables>();
  const there = new Set(await entriesOf(directory));
  if (there.size === 0) return variables;
  for (const name of names) {
    const extension = EXTENSIONS.find((one) => there.has(`${name}${one}`));
    if (extension === undefined) continue;
    const path = join(directory, `${name}${extension}`);
    const found = new Map<string, Value>();
    for (const file of await filesOf(path))
      for (const [key, value] of await readFrom(file, wanted)) found.set(key, value);
    variables.set(name, found);
  }
  return variables;
}

/** Empty where there is no such directory. */
async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : "";
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw refused(directory, fileReason(cause), cause);
  }
}

/** A file itself, or the files of a directory and of those below it that have no extension. */
async function filesOf(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const files: string[] = [];
  for (const name of await entriesOf(path)) {
    if (name.startsWith(".") || name.endsWith("~")) continue;
    const inside = join(path, name);
    const found = await stat(inside);
    if (found.isDirectory() && extname(name) === "") files.push(...(await filesOf(inside)));
    else if (found.isFile() && EXTENSIONS.includes(extname(name))) files.push(inside);
  }
  return files;
}

async function readFrom(path: string, wanted: ReadonlySet<string>): Promise<Variables> {
  const found = await stat(path);
  if (!found.isFile() || found.size > LONGEST_FILE) throw refused(path, "is no file, or too large");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw refused(path, fileReason(cause), cause);
  });
  // Encrypted as a whole: nothing of it is known.
  if (text.startsWith("$ANSIBLE_VAULT")) return new Map();
  const { default: yaml } = await import("yaml");
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    ...{
      version: "1.1",
      stringKeys: true,
      intAsBigInt: true,
      prettyErrors: false,
      logLevel: "error",
      lineCounter: lines,
    },
  });
  const [error] = document.errors;
  if (error)
    throw refused(`${path}:${lines.linePos(error.pos[0]).line}`, error.message.split("\n", 1)[0] ?? error.code);
  const content: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 1_000 });
  if (content === null || content === undefined) return new Map();
  if (!(content instanceof Map)) throw refused(path, "is no mapping of variables");
  const kept = [...content].filter(([key]) => wanted.has(String(key)));
  return new Map(kept.map(([key, value]) => [String(key), plainValue(value)]));
}

function refused(path: string, why: string, cause?: unknown) {
  return usageError("inventory", `${path}: ${why}`, "see docs/inventories.md", { cause });
}
