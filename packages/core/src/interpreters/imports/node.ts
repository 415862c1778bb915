const SPECIFIER =
  /(?:\brequire(?:\.resolve)?\s*\(\s*|\bimport\s*\(\s*|\bfrom\s*|^[ \t]*import\s*)(["'])([^"'\\\n]{1,500})\1/gm;

/** What a text of JavaScript or TypeScript requires or imports, as written; the modules of Node itself left out. */
export function nodeImports(text: string): readonly string[] {
  const found = [...text.matchAll(SPECIFIER)].map(([, , specifier = ""]) => specifier);
  return [...new Set(found)].filter((specifier) => !specifier.startsWith("node:"));
}

/** What the description of a package, package.json, says of where it begins. */
export interface NodePackage {
  readonly exports: unknown;
  readonly main: unknown;
}

/** Null: the text is no JSON object. */
export function packageOf(packageJson: string): NodePackage | null {
  let value: unknown;
  try {
    value = JSON.parse(packageJson);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { exports = null, main = null } = value as { exports?: unknown; main?: unknown }; // any JSON object
  return { exports, main };
}

/** Files that a package begins with, from its folder; for `part` of it, `.` for the whole. */
export function nodeEntries(description: NodePackage | null, part: string): readonly string[] {
  if (description === null) return [];
  const { exports, main } = description;
  const exported = strings(partOf(exports, part));
  if (part !== ".") return exported;
  return [...exported, ...(typeof main === "string" ? [main] : []), "index.js"];
}

/** Of `exports`, nodejs.org/api/packages.html: text, conditions, or parts that begin with a dot. */
function partOf(exports: unknown, part: string): unknown {
  if (typeof exports !== "object" || exports === null || Array.isArray(exports)) return part === "." ? exports : null;
  const entries = new Map(Object.entries(exports));
  const hasParts = [...entries.keys()].some((key) => key.startsWith("."));
  return hasParts ? entries.get(part) : part === "." ? exports : null;
}

/** Every file that one of the conditions leads to. */
function strings(value: unknown, depth = 0): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || depth > 8) return [];
  return Object.values(value).flatMap((inner) => strings(inner, depth + 1));
}
