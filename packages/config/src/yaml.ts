import type { KeyPath } from "@afterpatch/core/file-reader";
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from "yaml";
import { keyText, type Mistake } from "./mistake.ts";

/** A text of YAML as plain values, and where in it they are. */
export interface Document {
  /** Null where the text is empty, or where there are mistakes. */
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  /** Line of the value at a path, or of its key; of the nearest one above it where there is none. */
  lineOf(path: KeyPath, atKey: boolean): number;
}

/** Deeper than any key of a file of ours. */
const DEEPEST = 16;

/** YAML 1.2 without what a file of ours has no use for: aliases, anchors, merges, tags, directives, several documents. */
export function documentOf(text: string): Document {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    merge: false,
    // Looked for below: the parser compares each key with each other.
    uniqueKeys: false,
    stringKeys: true,
    prettyErrors: false,
    logLevel: "error",
    lineCounter: lines,
  });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const root: ParsedNode | null = document.contents;
  const syntax = [...document.errors, ...document.warnings].map(
    ({ pos: [offset], code, message }): Mistake => ({ line: lineAt(offset), key: "", what: said(code, message) }),
  );
  const directive = /^%/m.exec(text);
  if (directive && document.directives.docStart) {
    syntax.push({ line: lineAt(directive.index), key: "", what: "directives are not read; leave the line out" });
  }
  const mistakes = syntax.length > 0 ? syntax : root === null ? [] : strange(root, [], lineAt);
  return {
    value: mistakes.length > 0 ? null : document.toJS({ maxAliasCount: 0 }),
    mistakes,
    lineOf: (path, atKey) => lineAt(offsetOf(root, path, atKey)),
  };
}

/** Problems with their lines. */
export function located(
  problems: readonly { readonly path: KeyPath; readonly message: string; readonly atKey?: boolean }[],
  document: Document,
): readonly Mistake[] {
  return problems.map(({ path, message, atKey = false }) => ({
    line: document.lineOf(path, atKey),
    key: keyText(path),
    what: message,
  }));
}

/** What the parser says, in words for somebody who did not write it. */
function said(code: string, message: string): string {
  switch (code) {
    case "TAB_AS_INDENT":
      return "a tab indents nothing in YAML; use blanks";
    case "MULTIPLE_DOCS":
      return "a second document begins here, and only one is read";
    case "BAD_ALIAS":
      return "a value that begins with * or & needs quotes";
    default:
      return message.split("\n", 1)[0] ?? code;
  }
}

function strange(node: Node, path: KeyPath, lineAt: (offset: number) => number): readonly Mistake[] {
  const here = (what: string): Mistake => ({ line: lineAt(node.range?.[0] ?? 0), key: keyText(path), what });
  if (path.length > DEEPEST) return [here("is nested too deeply")];
  if (isAlias(node)) return [here("aliases are not read; a value that begins with * needs quotes")];
  if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
    return [here("anchors are not read; a value that begins with & needs quotes")];
  }
  if (node.tag !== undefined) return [here(`the tag ${node.tag} is not read; leave it out`)];
  if (isSeq(node)) {
    return node.items.flatMap((item, index) => (isNode(item) ? strange(item, [...path, index], lineAt) : []));
  }
  return isMap(node) ? strangeInMap(node.items, path, lineAt) : [];
}

function strangeInMap(
  items: readonly { readonly key: unknown; readonly value: unknown }[],
  path: KeyPath,
  lineAt: (offset: number) => number,
): readonly Mistake[] {
  const seen = new Map<string, number>();
  return items.flatMap(({ key, value }): readonly Mistake[] => {
    if (!isNode(key) || !isScalar(key)) return [];
    const name = String(key.value);
    const line = lineAt(key.range?.[0] ?? 0);
    const inside = [
      ...strange(key, [...path, name], lineAt),
      ...(isNode(value) ? strange(value, [...path, name], lineAt) : []),
    ];
    const first = seen.get(name);
    if (first !== undefined) {
      return [{ line, key: keyText([...path, name]), what: `duplicate key, first in line ${first}` }, ...inside];
    }
    seen.set(name, line);
    return inside;
  });
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function offsetOf(root: unknown, path: KeyPath, atKey: boolean): number {
  let node = root;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [depth, part] of path.entries()) {
    const isLast = depth === path.length - 1;
    let next: unknown = null;
    if (isSeq(node) && typeof part === "number") next = node.items[part];
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (!pair) return offset;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      if (isLast && atKey) return offset;
      next = pair.value;
    }
    if (!isNode(next)) return offset;
    // A mapping or list begins at its first entry; its own line is that of its key.
    if (isLast && !isScalar(next) && isMap(node)) return offset;
    node = next;
    offset = next.range?.[0] ?? offset;
  }
  return offset;
}
