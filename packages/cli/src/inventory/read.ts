import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { hostNames } from "@afterpatch/core/inventory/host-names";
import { addHost, emptyTree, type Inventory, reconciled, type Tree } from "@afterpatch/core/inventory/tree";
import { listed } from "./execute.ts";
import { readText } from "./text.ts";

/** Of one source; an inventory of 10,000 hosts has about one megabyte. */
export const LONGEST_FILE = 64 * 1024 * 1024;
const DEEPEST_DIRECTORY = 20;
/** What Ansible passes over in a directory (inventory_ignore_extensions, of 2.14). */
const IGNORED =
  /^\.|^(?:host_vars|group_vars|vars_plugins)$|(?:\.(?:pyc|pyo|swp|bak|rpm|md|txt|rst|orig|ini|cfg|retry)|~)$/;

interface Reading {
  /** Variables that are kept. */
  readonly wanted?: Iterable<string>;
  /** Scripts may be run. */
  readonly mayExecute?: boolean;
}

/** Sources as `-i` names them, the later ones on top: files, directories, or names with commas. */
export async function readInventory(
  sources: readonly string[],
  { wanted = [], mayExecute = false }: Reading = {},
): Promise<Inventory> {
  const tree = emptyTree(wanted);
  for (const source of sources) {
    if (source.includes(",")) readNames(source, tree);
    else await readSource(source, tree, { depth: 0, mayExecute });
  }
  return reconciled(tree);
}

function readNames(source: string, tree: Tree): void {
  for (const part of source.split(",")) {
    const text = part.trim();
    if (text === "") continue;
    const hosts = hostNames(text);
    if (hosts.kind === "invalid") throw refused(hosts.why, "write names with commas, such as -i web01,web02,");
    for (const name of hosts.names) addHost(tree, "ungrouped", name);
  }
}

interface Place {
  /** Of directories inside one another. */
  readonly depth: number;
  readonly mayExecute: boolean;
}

async function readSource(path: string, tree: Tree, place: Place): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw refused(`${path}: ${fileReason(cause)}`, "name a file, a directory, or hosts with a comma: -i web01,", cause);
  });
  if (found.isDirectory()) return readDirectory(path, tree, place);
  if (!found.isFile()) throw refused(`${path}: is no file`, "name a file or a directory");
  if (found.size > LONGEST_FILE) throw refused(`${path}: is larger than ${LONGEST_FILE} bytes`, "divide it");
  const isProgram = (found.mode & 0o111) !== 0;
  if (isProgram && !place.mayExecute) throw program(path, "is executable, and programs are not run");
  const text = isProgram ? await listed(path, LONGEST_FILE) : await contentOf(path);
  if (text.startsWith("#!")) throw program(path, "is a script, and programs are not run");
  const mistake = await readText(path, text, tree);
  if (mistake === null) return;
  if (mistake.isPlugin) throw program(path, mistake.why);
  const where = mistake.line === null ? path : `${path}:${mistake.line}`;
  throw refused(`${where}: ${mistake.why}`, "nothing of the file is used; see docs/inventories.md");
}

function contentOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw refused(`${path}: ${fileReason(cause)}`, "name a file that you may read", cause);
  });
}

async function readDirectory(path: string, tree: Tree, { depth, mayExecute }: Place): Promise<void> {
  if (depth > DEEPEST_DIRECTORY) throw refused(`${path}: directories are nested too deeply`, "name a file");
  const names = await readdir(path).catch((cause: unknown) => {
    throw refused(`${path}: ${fileReason(cause)}`, "name a directory that you may read", cause);
  });
  const bytewise = names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of bytewise) {
    if (!IGNORED.test(name)) await readSource(join(path, name), tree, { depth: depth + 1, mayExecute });
  }
}

function program(path: string, why: string) {
  return refused(
    `${path}: ${why}`,
    `write what it says with 'ansible-inventory -i ${path} --list > FILE', and name FILE; scripts are run with --inventory-exec`,
  );
}

function refused(why: string, todo: string, cause?: unknown) {
  return usageError("inventory", why, todo, { cause });
}
