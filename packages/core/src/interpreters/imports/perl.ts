const USE = /(?<=^|;)[ \t]*(?:use|require)[ \t]+([A-Za-z_]\w*(?:::\w+)*)/gm;
const FILE = /^[^#\n]*\b(?:require|do)[ \t]+["']([^"'$@\n]+)["']/gm;
const PARENTS = /(?<=^|;)[ \t]*use[ \t]+(?:parent|base)\b([^;]{0,2000});/gm;
const LIBRARIES = /(?<=^|;)[ \t]*use[ \t]+lib\b([^;]{0,2000});/gm;
/** Names that are no modules: pragmas of the language itself, and version numbers. */
const PRAGMAS = new Set(["v", "lib", "parent", "base", "strict", "warnings", "utf8", "vars", "integer", "feature"]);

/** Modules and files that a text of Perl loads. What follows `__END__` or `__DATA__` is none. */
export function perlImports(text: string): readonly string[] {
  const code = text.split(/^__(?:END|DATA)__$/m, 1)[0] ?? "";
  const modules = [...code.matchAll(USE)].flatMap(([, name = ""]) =>
    PRAGMAS.has(name) || /^v\d/.test(name) ? [] : [pathOfModule(name)],
  );
  const parents = [...code.matchAll(PARENTS)].flatMap(([, list = ""]) =>
    list.includes("-norequire") ? [] : words(list).map(pathOfModule),
  );
  const files = [...code.matchAll(FILE)].map(([, path = ""]) => path);
  return [...new Set([...modules, ...parents, ...files])];
}

/** `A/B.pm` of `A::B`. */
export function pathOfModule(name: string): string {
  return `${name.replaceAll("::", "/")}.pm`;
}

/** What `use lib` is given in a text. */
export function perlLibraries(text: string): readonly string[] {
  return [...text.matchAll(LIBRARIES)].flatMap(([, list = ""]) => list);
}

/** Folders that `use lib` names. `script`: the folder of the program, which `$FindBin::Bin` stands for. */
export function perlFolders(libraries: readonly string[], script: string): readonly string[] {
  return libraries.flatMap((list) =>
    [...list.matchAll(/["']([^"'\n]+)["']|qw\s*[([{|]([^)\]}|]*)/g)]
      .flatMap(([, quoted, many]) => (quoted === undefined ? (many ?? "").split(/\s+/) : [quoted]))
      .map((path) => path.replace(/^\$(?:FindBin::)?(?:Real)?Bin\b/, script))
      .filter((path) => path.startsWith("/") && !/[$@]/.test(path)),
  );
}

function words(list: string): readonly string[] {
  return [...list.matchAll(/[A-Za-z_]\w*(?:::\w+)*/g)].map(([word]) => word).filter((word) => word !== "qw");
}
