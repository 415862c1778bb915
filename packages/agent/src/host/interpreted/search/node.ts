import { nodeEntries, nodeImports, packageOf } from "@afterpatch/core/interpreters/imports/node";
import { folderOf, type Tree, type TreeFile, under } from "../tree.ts";
import { foldersOf, type Searcher, scripts } from "./search.ts";

const ENDINGS = ["", ".js", ".mjs", ".cjs", ".json", ".ts", ".mts", ".cts"];

/** Source: nodejs.org/api/{modules,esm,packages}.html; the folders of Debian's Node are built into it. */
export const searchNode: Searcher = ({ tree, program, folder, variable }, script) => {
  const global = [
    ...foldersOf(variable("NODE_PATH")),
    "/usr/lib/nodejs",
    "/usr/share/nodejs",
    "/usr/local/lib/node_modules",
  ];
  const from = (at: string, specifier: string) => {
    if (/^\.{0,2}(?:\/|$)/.test(specifier)) return entryAt(tree, under(at, specifier));
    return packageFile(tree, at, specifier, global);
  };
  return {
    roots: [
      ...(script === null ? [] : [script]),
      ...scripts(program.modules.map((name) => (folder === null ? null : from(folder, name)))),
    ],
    next: (file) => {
      const said = file.path.endsWith(".json") ? null : tree.parsed(file, nodeImports);
      return scripts((said ?? []).map((one) => from(folderOf(file.path), one)));
    },
  };
};

/** A file, with or without its ending, or what a folder begins with. */
export function entryAt(tree: Tree, path: string): TreeFile | null {
  for (const ending of ENDINGS) {
    const file = tree.file(path + ending);
    if (file !== null) return file;
  }
  if (tree.names(path) === null) return null;
  const description = tree.file(`${path}/package.json`);
  const entries = description && tree.parsed(description, packageOf);
  for (const entry of [...nodeEntries(entries, "."), "index"]) {
    const file = firstOf(tree, under(path, entry));
    if (file !== null) return file;
  }
  return null;
}

function firstOf(tree: Tree, path: string): TreeFile | null {
  for (const at of [path, `${path}/index`]) {
    for (const ending of ENDINGS) {
      const file = tree.file(at + ending);
      if (file !== null) return file;
    }
  }
  return null;
}

/** `name/part` or `@scope/name/part` in the node_modules of this folder and of those above it. */
function packageFile(tree: Tree, from: string, specifier: string, global: readonly string[]): TreeFile | null {
  const [name = "", ...parts] = /^(@[^/]+\/[^/]+|[^/]+)(?:\/(.*))?$/.exec(specifier)?.slice(1) ?? [];
  const part = parts[0] ?? "";
  const above: string[] = [];
  for (let at = from; ; at = folderOf(at)) {
    if (!at.endsWith("/node_modules")) above.push(`${at === "/" ? "" : at}/node_modules`);
    if (at === "/") break;
  }
  for (const folder of [...above, ...global]) {
    if (tree.names(`${folder}/${name}`) === null) continue;
    return part === "" ? entryAt(tree, `${folder}/${name}`) : partOf(tree, `${folder}/${name}`, part);
  }
  return null;
}

function partOf(tree: Tree, folder: string, part: string): TreeFile | null {
  const description = tree.file(`${folder}/package.json`);
  const entries = description && tree.parsed(description, packageOf);
  for (const entry of nodeEntries(entries, `./${part}`)) {
    const file = tree.file(under(folder, entry));
    if (file !== null) return file;
  }
  return entryAt(tree, `${folder}/${part}`);
}
