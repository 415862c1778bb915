/** What one exit code means. */
export interface Exit {
  readonly code: number;
  readonly meaning: string;
}

/** Of every command of `afterpatch`, whose sentences leave it out. */
export const ALWAYS: readonly Exit[] = [{ code: 1, meaning: "internal error" }];

/**
 * Reads the sentence in which help tells exit codes: `0 shown, 1 internal error; 5 usage`. The codes that a plugin
 * has of its own are told with the last.
 */
export function exitsOf(sentence: string, more: readonly Exit[] = []): readonly Exit[] {
  const exits: { readonly code: number; meaning: string }[] = [];
  for (const part of sentence
    .replace(/^Exit codes: /, "")
    .replace(/\.$/, "")
    .split(/(?<=[,;]) (?=\d+ )/)) {
    const [, code = "", said = ""] = /^(\d+) (.*)$/.exec(part) ?? [];
    const before = exits.at(-1);
    if (code === "" || (before && Number(code) <= before.code)) {
      if (!before?.meaning.includes("nagios")) throw new Error(`exit codes that cannot be read: ${sentence}`);
      before.meaning += ` ${part}`;
    } else exits.push({ code: Number(code), meaning: said });
  }
  const all = [...exits.map(({ code, meaning }) => ({ code, meaning: meaning.replace(/[,;]$/, "") })), ...more];
  return all.toSorted((a, b) => a.code - b.code);
}
