import type { Colour, Paint } from "../shell.ts";

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}
export interface Column {
  readonly title: string;
  readonly align?: "right";
}

/** Aligned columns under their titles, two spaces apart. Text must be safe to show already. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], paint: Paint): string {
  const widths = columns.map((column, index) =>
    rows.reduce((widest, row) => Math.max(widest, width(row[index]?.text ?? "")), width(column.title)),
  );
  const line = (cells: readonly Cell[]) =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? { text: "" };
        const isLast = index === columns.length - 1;
        const padding = " ".repeat(Math.max(0, (widths[index] ?? 0) - width(cell.text)));
        const text = cell.colour === undefined ? cell.text : paint(cell.colour, cell.text);
        return column.align === "right" ? padding + text : text + (isLast ? "" : padding);
      })
      .join("  ")
      .trimEnd();
  const titles = columns.map((column) => ({ text: column.title, colour: "bold" as const }));
  return `${[titles, ...rows].map(line).join("\n")}\n`;
}

/** Characters, not code units. */
function width(text: string): number {
  return [...text].length;
}

/** `3 hosts`, `1 host`. */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${count} ${count === 1 ? thing : things}`;
}

/** `2 done, 1 failed`, without those that are 0. */
export function tally(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`)
    .join(", ");
}
