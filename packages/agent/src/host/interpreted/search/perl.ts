import { pathOfModule, perlFolders, perlImports, perlLibraries } from "@afterpatch/core/interpreters/imports/perl";
import { folderOf, type Tree, under } from "../tree.ts";
import { foldersOf, type Searcher, scripts } from "./search.ts";

/** Source: perlrun(1), perlvar(1) on @INC; the folders of Debian's, Red Hat's and SUSE's builds. */
export const searchPerl: Searcher = (running, script) => {
  const { tree, program, folder, variable } = running;
  const { vendor, core } = includes(tree, folderOf(folderOf(running.executable)));
  const own = script === null ? (folder ?? "/") : folderOf(script.path);
  const first = [...program.folders.map((at) => under(folder ?? "/", at)), ...foldersOf(variable("PERL5LIB"))];
  const added: string[] = [];
  const at = (path: string) => {
    if (path.startsWith("/") || path.startsWith("./")) return tree.file(under(own, path));
    for (const place of [...added, ...first, ...vendor, ...core]) {
      const file = tree.file(`${place}/${path}`);
      if (file !== null) return file;
    }
    return null;
  };
  return {
    roots: [...(script === null ? [] : [script]), ...scripts(program.modules.map((name) => at(pathOfModule(name))))],
    next: (file) => {
      const said = tree.parsed(file, parse);
      if (said === null) return [];
      const folders = perlFolders(said.folders, folderOf(file.path));
      added.push(...folders.filter((one) => !added.includes(one)));
      return scripts(said.imports.map(at));
    },
    isPartOfLanguage: ({ path }) => core.some((one) => path.startsWith(`${one}/`)),
  };
};

function parse(text: string) {
  return { folders: perlLibraries(text), imports: perlImports(text) };
}

interface Includes {
  readonly vendor: readonly string[];
  readonly core: readonly string[];
}

function includes(tree: Tree, prefix: string): Includes {
  const below = (folder: string, name = /^[0-9.]+$/) =>
    [...(tree.names(folder) ?? [])].filter((one) => name.test(one)).map((one) => `${folder}/${one}`);
  const libs = [`${prefix}/lib`, `${prefix}/lib64`].flatMap((lib) => [lib, ...below(lib, /-linux-gnu/)]);
  const local = ["/usr/local/lib", ...below("/usr/local/lib", /-linux-gnu/), "/usr/local/share"];
  const vendor = [
    "/etc/perl",
    ...local.flatMap((at) => below(`${at}/perl`)),
    "/usr/local/lib/site_perl",
    ...["/usr/local/share/perl5", "/usr/local/lib64/perl5"],
    ...[...libs, `${prefix}/share`].flatMap((at) => [
      ...below(`${at}/perl5`),
      `${at}/perl5/vendor_perl`,
      ...below(`${at}/perl5/vendor_perl`),
      ...below(`${at}/perl5/site_perl`),
      `${at}/perl5`,
    ]),
  ];
  const core = [...libs.flatMap((at) => [`${at}/perl-base`, ...below(`${at}/perl`)]), ...below(`${prefix}/share/perl`)];
  const isThere = (folder: string) => tree.names(folder) !== null;
  return { vendor: vendor.filter(isThere), core: core.filter(isThere) };
}
