const INCLUDE =
  /\b(?:include|require)(?:_once)?\s{0,9}\(?\s{0,9}(?:(__DIR__|dirname\(\s{0,9}__FILE__\s{0,9}\))\s{0,9}\.\s{0,9})?(["'])([^"'$\n]{1,500})\2\s{0,9}\)?\s{0,9};/g;

/** One file that a text of PHP includes by a literal path. */
export interface PhpImport {
  readonly path: string;
  /** From the folder of the text itself. */
  readonly isRelative: boolean;
}

export function phpImports(text: string): readonly PhpImport[] {
  return [...text.matchAll(INCLUDE)].map(([, folder, , path = ""]) => ({
    path: folder === undefined ? path : path.replace(/^\/+/, ""),
    isRelative: folder !== undefined,
  }));
}
