import { stripVTControlCharacters } from "node:util";

/** Less is no room for words beside an indentation. */
const NARROWEST = 20;

/**
 * Text for a terminal of so many columns: lines that are longer break at their spaces and go on two columns further in than
 * they began. A word that is longer than a line stays whole, so that it can be copied. Null: no terminal, and as it was.
 */
export function wrapped(text: string, columns: number | null): string {
  if (columns === null || columns < NARROWEST) return text;
  const lines = text.split("\n");
  return lines.flatMap((line) => (width(line) <= columns ? [line] : broken(line, columns))).join("\n");
}

function broken(line: string, columns: number): readonly string[] {
  const indent = line.length - line.trimStart().length;
  const [first = "", ...words] = line.trimStart().split(" ");
  const lines: string[] = [];
  let current = `${" ".repeat(indent)}${first}`;
  for (const word of words) {
    if (width(current) + 1 + width(word) <= columns) current += ` ${word}`;
    else {
      lines.push(current.trimEnd());
      current = `${" ".repeat(indent + 2)}${word}`;
    }
  }
  return [...lines, current.trimEnd()];
}

/** Characters, without the colours around them. */
function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
