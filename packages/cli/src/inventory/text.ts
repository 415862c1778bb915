import { extname } from "node:path";
import { readIni } from "@afterpatch/core/inventory/ini";
import { isListing, PLUGIN, type Refused, readListing, readYaml } from "@afterpatch/core/inventory/mapping";
import type { Mistake, Tree } from "@afterpatch/core/inventory/tree";

interface TextMistake extends Mistake {
  readonly isPlugin: boolean;
}

/** Puts the text of one file into `tree`: YAML or JSON by its name or its first character, INI otherwise. */
export async function readText(path: string, text: string, tree: Tree): Promise<TextMistake | null> {
  if (!isMapping(path, text)) {
    const mistake = readIni(text, tree);
    return mistake && { ...mistake, isPlugin: false };
  }
  // The default import: a bundle gives a CommonJS module no other.
  const { default: yaml } = await import("yaml");
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    version: "1.1",
    stringKeys: true,
    // So that 2.0 and 2 are told apart, as Ansible does.
    intAsBigInt: true,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: "error",
    lineCounter: lines,
  });
  const [error] = document.errors;
  if (error) {
    const why = error.message.split("\n", 1)[0] ?? error.code;
    return { line: lines.linePos(error.pos[0]).line, why, isPlugin: false };
  }
  const value: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 1_000 });
  // Lists are what programs print, as JSON; in YAML that a person wrote Ansible takes none.
  const isJson = text.trimStart().startsWith("{");
  const isPrinted = isJson && value instanceof Map && isListing(value);
  const refused = isPrinted ? readListing(value, tree) : readYaml(value, tree);
  if (refused === null) return null;
  const node = document.getIn(refused.path, true);
  const at = yaml.isNode(node) ? node.range?.[0] : undefined;
  return { line: at === undefined ? null : lines.linePos(at).line, why: refused.why, isPlugin: isPlugin(refused) };
}

function isPlugin({ why }: Refused): boolean {
  return why === PLUGIN;
}

function isMapping(path: string, text: string): boolean {
  const extension = extname(path);
  if ([".yml", ".yaml", ".json"].includes(extension)) return true;
  if (/^\s*(?:\{|---)/.test(text)) return true;
  // Without an extension Ansible tries YAML too: its first line is then a group, with a ':' at the end.
  return extension === "" && /^(?:\s*(?:#.*)?\n)*[^\s#;[\]=]+:\s*(?:#.*)?\n/.test(text);
}
