/** One `import`, as written. */
export interface PythonImport {
  /** Dots in front: 0 absolute, 1 the package of the module itself, and so on. */
  readonly level: number;
  /** Dotted name, empty in `from . import x`. */
  readonly name: string;
  /** What is taken from it: perhaps modules themselves. */
  readonly names: readonly string[];
}

/** Longest list of names that is read. */
const LONGEST_LIST = 8192;
const IMPORT = /^[ \t]*import[ \t]+([A-Za-z_][\w., \t]*)/;
const FROM = /^[ \t]*from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]+(\(?)/;
const BY_NAME = /\b(?:import_module|__import__)\(\s*["']([A-Za-z_][\w.]*)["']\s*[,)]/g;

/** The modules that a text of Python imports, wherever in it: those inside functions are loaded later, or never. */
export function pythonImports(text: string): readonly PythonImport[] {
  const found: PythonImport[] = [];
  let at = 0;
  while (at < text.length) {
    const end = lineEnd(text, at);
    const line = text.slice(at, Math.min(end, at + LONGEST_LIST));
    let part = at;
    for (const statement of line.includes("import") ? line.split(";") : []) {
      found.push(...ofStatement(statement, text, part));
      part += statement.length + 1;
    }
    at = end + 1;
  }
  return found;
}

function ofStatement(line: string, text: string, at: number): readonly PythonImport[] {
  const plain = IMPORT.exec(line)?.[1];
  if (plain !== undefined) return listed(plain).map((name) => ({ level: 0, name, names: [] }));
  const from = FROM.exec(line);
  if (from) {
    const [all, dots = "", name = "", bracket] = from;
    const begin = at + all.length;
    const close = text.indexOf(")", begin);
    const rest =
      bracket === "(" && close >= 0 ? text.slice(begin, Math.min(close, begin + LONGEST_LIST)) : line.slice(all.length);
    return [{ level: dots.length, name, names: listed(rest.replace(/#.*$/gm, "")) }];
  }
  return [...line.matchAll(BY_NAME)].map(([, name = ""]) => ({ level: 0, name, names: [] }));
}

/** Of `a, b as c`. */
function listed(text: string): readonly string[] {
  return text.split(",").flatMap((item) => /^[\s\\]*([A-Za-z_][\w.]*)/.exec(item)?.[1] ?? []);
}

/** Folders that a text adds to where modules are searched, with a literal absolute path. */
export function pythonFolders(text: string): readonly string[] {
  const added = /\bsys\.path\.(?:insert\(\s*\d+\s*,|append\()\s*["'](\/[^"'\n]+)["']/g;
  return [...text.matchAll(added)].map(([, path = ""]) => path);
}

export function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}
