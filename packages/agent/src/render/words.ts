import type { Scan } from "@afterpatch/core/scan";

/** `1 process`, `2 processes` */
export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Columns aligned by their widest cell; the last one is as long as it is. */
export function rows(cells: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of cells) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return cells.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

export function processesLine({ seen, scanned, vanished }: Scan["processes"]): string {
  const ended = vanished > 0 ? `, ${vanished} ended meanwhile` : "";
  return scanned === seen
    ? `${plural(seen, "process", "processes")} looked at`
    : `${scanned} of ${plural(seen, "process", "processes")} looked at${ended}`;
}

/** A text with a line before it, or as it is. */
export function atTop(line: string | null, text: string): string {
  return line === null ? text : `${line.charAt(0).toUpperCase()}${line.slice(1)}\n\n${text}`;
}
