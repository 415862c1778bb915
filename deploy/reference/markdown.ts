/** Text of a page in Markdown: what has a meaning there is what it is. */
export function plain(text: string): string {
  return text.replace(/[\\|*<`]/g, "\\$&").replaceAll("\n", " ");
}

/** As it is typed. In a table a bar ends the cell, in code too. */
export function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

/** Cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line), ""];
}

export function shell(lines: readonly string[]): readonly string[] {
  return ["```", ...lines, "```", ""];
}

/** `from`: what it is made of, so that nobody mends it here. */
export function page(title: string, from: string, lines: readonly string[]): string {
  const made = `Made by \`npm run reference\` from ${from}; what is wrong here is mended there.`;
  return `${[`# ${title}`, "", made, "", ...lines].join("\n").trimEnd()}\n`;
}
