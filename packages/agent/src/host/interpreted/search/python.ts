import { type PythonImport, pythonFolders, pythonImports } from "@afterpatch/core/interpreters/imports/python";
import { pythonIsolation } from "@afterpatch/core/interpreters/program/python";
import type { Running } from "../running.ts";
import { folderOf, type Tree, type TreeFile, under } from "../tree.ts";
import { distributions } from "./distributions.ts";
import { foldersOf, type ProgramFile, type Searcher, scripts } from "./search.ts";

/** Source: docs.python.org/3/library/{sys_path_init,site}.html; the dist-packages of Debian's Python policy. */
export const searchPython: Searcher = (running, script) => {
  const { tree, program, folder } = running;
  const site = siteFolders(running);
  const first = script === null ? folder : folderOf(script.path);
  const added: string[] = [];
  const path = () => [
    ...(first === null ? [] : [first]),
    ...site.variables,
    ...site.language,
    ...site.packages,
    ...added,
  ];
  const named = (name: string) => modulesAt(name.split("."), path(), tree);
  const packageOf = distributions(tree, site.packages);
  const asFiles = (files: readonly TreeFile[]) =>
    files.flatMap((file): readonly ProgramFile[] => {
      const own = packageOf(file.path);
      const record = own?.record ? tree.file(own.record) : null;
      const of = own === null ? {} : { of: own.name };
      return [file, ...(record ? [record] : [])].map((one) => ({ ...one, role: "script" as const, ...of }));
    });
  const main = program.modules.flatMap((name) => [...named(name), ...named(`${name}.__main__`)]);
  const apps = running.argv.slice(1).flatMap((word) => applicationOf(word, folder, tree));
  return {
    roots: [...(script === null ? [] : [script]), ...asFiles(main), ...scripts(apps)],
    next: (file) => {
      const said = tree.parsed(file, parse);
      if (said === null) return [];
      added.push(...said.folders.filter((one) => !added.includes(one)));
      return asFiles(said.imports.flatMap((one) => imported(one, file, path(), tree)));
    },
    isPartOfLanguage: ({ path: at }) =>
      site.language.some((one) => at.startsWith(`${one}/`)) && !/\/(?:site|dist)-packages\//.test(at),
  };
};

function parse(text: string) {
  return { folders: pythonFolders(text), imports: pythonImports(text) };
}

function imported({ level, name, names }: PythonImport, file: ProgramFile, path: readonly string[], tree: Tree) {
  const parts = name === "" ? [] : name.split(".");
  let base = folderOf(file.path);
  for (let up = 1; up < level; up += 1) base = folderOf(base);
  const from = level === 0 ? path : [base];
  const found = parts.length === 0 ? packageAt(base, tree) : modulesAt(parts, from, tree);
  const inside = names.flatMap((one) => modulesAt([...parts, one], from, tree).slice(-1));
  return [...found, ...inside];
}

/** The files of `a.b.c`: those of the packages that it is in, and its own; in the first folder that has `a`. */
function modulesAt(parts: readonly string[], folders: readonly string[], tree: Tree): readonly TreeFile[] {
  for (const folder of folders) {
    const found = moduleIn(parts, folder, tree);
    if (found !== null) return found;
  }
  return [];
}

/** Null: this folder has nothing of the name's first part. */
function moduleIn(parts: readonly string[], folder: string, tree: Tree): readonly TreeFile[] | null {
  const files: TreeFile[] = [];
  let at = folder;
  for (const [index, part] of parts.entries()) {
    const names = tree.names(at);
    const isFolder = names?.has(part) ?? false;
    const isFile = names?.has(`${part}.py`) ?? false;
    if (!isFolder && !isFile) return index === 0 ? null : files;
    const inside = isFolder ? packageAt(`${at}/${part}`, tree) : [];
    const own = isFile && inside.length === 0 ? tree.file(`${at}/${part}.py`) : null;
    files.push(...inside, ...(own === null ? [] : [own]));
    at = `${at}/${part}`;
  }
  return files;
}

function packageAt(folder: string, tree: Tree): readonly TreeFile[] {
  if (!tree.names(folder)?.has("__init__.py")) return [];
  const file = tree.file(`${folder}/__init__.py`);
  return file === null ? [] : [file];
}

/** `module:application`, as servers of applications are told what to import from their working directory. */
function applicationOf(word: string, folder: string | null, tree: Tree): readonly TreeFile[] {
  const name = /^(?:(?:-A|--app=)?)([A-Za-z_]\w*(?:\.\w+)*)(?::[\w.()]+)?$/.exec(word)?.[1];
  return name === undefined || folder === null ? [] : modulesAt(name.split("."), [folder], tree);
}

interface Site {
  readonly variables: readonly string[];
  /** The standard library. */
  readonly language: readonly string[];
  readonly packages: readonly string[];
}

function siteFolders(running: Running): Site {
  const { executable, tree, argv, variable } = running;
  const isolated = pythonIsolation(argv);
  const prefix = folderOf(folderOf(executable));
  const version = versionOf(executable, prefix, tree);
  const venv = venvOf(running);
  const bases = [prefix, ...(prefix === "/usr" ? ["/usr/local"] : [])];
  const base = bases.flatMap((at) => [
    `${at}/local/lib/${version}/dist-packages`,
    ...["lib", "lib64"].flatMap((lib) => [
      `${at}/${lib}/${version}/site-packages`,
      `${at}/${lib}/${version}/dist-packages`,
    ]),
    `${at}/lib/python3/dist-packages`,
  ]);
  const own = venv === null ? [] : ["lib", "lib64"].map((lib) => `${venv.folder}/${lib}/${version}/site-packages`);
  const home = isolated.user || venv !== null ? null : variable("HOME");
  const user = home?.startsWith("/") ? [`${home}/.local/lib/${version}/site-packages`] : [];
  const packages = [...own, ...user, ...(venv === null || venv.seesSystem ? base : [])].filter((at) => tree.names(at));
  return {
    variables: isolated.variables ? [] : foldersOf(variable("PYTHONPATH")),
    language: ["lib", "lib64"].map((lib) => `${prefix}/${lib}/${version}`).filter((at) => tree.names(at)),
    packages: [...packages, ...packages.flatMap((at) => pathFiles(at, tree))],
  };
}

/** `python3.11`: by the name of the executable, else by the only library that is beside it. */
function versionOf(executable: string, prefix: string, tree: Tree): string {
  const named = /(?:python|pypy)[0-9]+\.[0-9]+/.exec(executable.slice(executable.lastIndexOf("/")))?.[0];
  if (named !== undefined) return named;
  const [found] = [...(tree.names(`${prefix}/lib`) ?? [])].filter((name) => /^python[0-9]+\.[0-9]+$/.test(name)).sort();
  return found ?? "python3";
}

/** The virtual environment: beside the name by which the interpreter was started, or the program; PEP 405. */
function venvOf({ argv, program, folder, tree, variable }: Running) {
  const [started = ""] = argv;
  const paths = [started, program.script ?? ""].flatMap((path) =>
    path.includes("/") ? [under(folder ?? "/", path)] : [],
  );
  const beside = paths.map((path) => folderOf(folderOf(path)));
  for (const at of [...beside, ...foldersOf(variable("VIRTUAL_ENV"))]) {
    const file = tree.file(`${at}/pyvenv.cfg`);
    const seesSystem = file && tree.parsed(file, includesSystem);
    if (seesSystem !== null) return { folder: at, seesSystem };
  }
  return null;
}

function includesSystem(text: string): boolean {
  return /^[ \t]*include-system-site-packages[ \t]*=[ \t]*true[ \t]*$/im.test(text);
}

function added(text: string): readonly string[] {
  return text.split("\n").filter((line) => /^[^#\s]/.test(line) && !/^import[ \t]/.test(line));
}

/** Folders that the `.pth` files of a folder add; their lines of code are not run. */
function pathFiles(folder: string, tree: Tree): readonly string[] {
  return [...(tree.names(folder) ?? [])]
    .filter((name) => name.endsWith(".pth"))
    .flatMap((name) => {
      const file = tree.file(`${folder}/${name}`);
      return (file && tree.parsed(file, added)) ?? [];
    })
    .map((line) => under(folder, line.trim()))
    .filter((path) => tree.names(path));
}
