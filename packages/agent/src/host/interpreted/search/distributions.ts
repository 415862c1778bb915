import { folderOf, type Tree } from "../tree.ts";

/** What pip installed, as its own texts say; packaging.python.org, "Recording installed projects". */
export interface Distribution {
  /** `the distribution requests 2.31.0` */
  readonly name: string;
  /** The list of its files, which is written anew with every installation. */
  readonly record: string;
}

/** Which distribution of these folders has a file, by the RECORD of each; a folder is read when it is first asked for. */
export function distributions(tree: Tree, folders: readonly string[]): (path: string) => Distribution | null {
  const known = new Map<string, ReadonlyMap<string, Distribution>>();
  return (path) => {
    const folder = folders.find((at) => path.startsWith(`${at}/`));
    if (folder === undefined) return null;
    let index = known.get(folder);
    if (index === undefined) {
      index = indexOf(tree, folder);
      known.set(folder, index);
    }
    return index.get(topOf(path.slice(folder.length + 1))) ?? null;
  };
}

/** By the first component of the files that they have. */
function indexOf(tree: Tree, folder: string): ReadonlyMap<string, Distribution> {
  const found = new Map<string, Distribution>();
  for (const name of tree.names(folder) ?? []) {
    const [, project, version] = /^(.+?)-([^-]+)\.dist-info$/.exec(name) ?? [];
    if (project === undefined) continue;
    const record = `${folder}/${name}/RECORD`;
    const file = tree.file(record);
    const distribution = { name: `the distribution ${project} ${version}`, record };
    for (const top of (file && tree.parsed(file, topsOf)) ?? []) found.set(top, distribution);
  }
  return found;
}

/** First components of the Python files that a RECORD lists. */
function topsOf(text: string): readonly string[] {
  const tops = text.split("\n").flatMap((line) => {
    const path = line.startsWith('"') ? line.slice(1) : line;
    return !path.startsWith("..") && /\.py["',]/.test(path) ? [topOf(path.split(",")[0] ?? "")] : [];
  });
  return [...new Set(tops)];
}

function topOf(path: string): string {
  const top = path.split("/")[0] ?? "";
  return folderOf(`/${path}`) === "/" ? top.replace(/\.py"?$/, ".py") : top;
}
