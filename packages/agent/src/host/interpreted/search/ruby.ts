import { rubyImports } from "@afterpatch/core/interpreters/imports/ruby";
import type { Running } from "../running.ts";
import { folderOf, type Tree, type TreeFile, under } from "../tree.ts";
import { foldersOf, type Searcher, scripts } from "./search.ts";

/** Source: ruby(1), Kernel#require, `gem environment`; the folders of Debian's and Red Hat's builds. */
export const searchRuby: Searcher = (running, script) => {
  const { tree, program, folder, variable } = running;
  const { language, sites } = loadPath(running);
  const own = script === null ? (folder ?? "/") : folderOf(script.path);
  const first = [
    ...program.folders.map((at) => under(folder ?? "/", at)),
    ...foldersOf(variable("RUBYLIB")),
    own,
    `${folderOf(own)}/lib`,
  ];
  const search = [...first, ...sites, ...language, ...gems(running, own)];
  const at = (path: string) => {
    if (path.startsWith("/")) return fileAt(tree, path);
    for (const place of search) {
      const file = fileAt(tree, `${place}/${path}`);
      if (file !== null) return file;
    }
    return null;
  };
  return {
    roots: [...(script === null ? [] : [script]), ...scripts(program.modules.map(at))],
    next: (file) =>
      scripts(
        (tree.parsed(file, rubyImports) ?? []).map(({ path, isRelative }) =>
          isRelative ? fileAt(tree, under(folderOf(file.path), path)) : at(path),
        ),
      ),
    isPartOfLanguage: ({ path }) => language.some((one) => path.startsWith(`${one}/`)),
  };
};

function fileAt(tree: Tree, path: string): TreeFile | null {
  return path.endsWith(".rb") ? tree.file(path) : (tree.file(`${path}.rb`) ?? null);
}

function loadPath({ tree, executable }: Running) {
  const prefix = folderOf(folderOf(executable));
  const versions = (folder: string) =>
    [...(tree.names(folder) ?? [])].filter((name) => /^[0-9.]+$/.test(name)).map((name) => `${folder}/${name}`);
  const bases = [prefix, ...(prefix === "/usr" ? ["/usr/local"] : [])];
  return {
    language: bases.flatMap((at) => [...versions(`${at}/lib/ruby`), `${at}/share/ruby`]),
    sites: bases.flatMap((at) =>
      ["site_ruby", "vendor_ruby"].flatMap((kind) => [`${at}/lib/ruby/${kind}`, ...versions(`${at}/lib/ruby/${kind}`)]),
    ),
  };
}

/** The `lib` folders of all gems that may be asked for: of the system, of the user, of the program's own bundle. */
function gems({ tree, executable, variable }: Running, own: string): readonly string[] {
  const prefix = folderOf(folderOf(executable));
  const each = (folder: string) => [...(tree.names(folder) ?? [])].map((name) => `${folder}/${name}`);
  const home = variable("HOME");
  const users = home?.startsWith("/") ? [`${home}/.gem/ruby`, `${home}/.local/share/gem/ruby`] : [];
  const bundles = [own, folderOf(own)].map((at) => `${at}/vendor/bundle/ruby`);
  const many = ["/var/lib/gems", `${prefix}/lib/ruby/gems`, "/usr/local/lib/ruby/gems", ...users, ...bundles].flatMap(
    each,
  );
  const homes = [
    ...foldersOf(variable("GEM_HOME")),
    ...foldersOf(variable("GEM_PATH")),
    ...many,
    ...each("/usr/share/rubygems-integration"),
    "/usr/share/gems",
  ];
  return homes.flatMap((at) => each(`${at}/gems`)).map((gem) => `${gem}/lib`);
}
