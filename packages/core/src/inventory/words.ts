/** Words of a line as Python's shlex.split(comments=True): quotes, backslashes, and `#` to the end. Null: not closed. */
export function shellWords(line: string): readonly string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    const isEscape = char === "\\" && quote !== "'";
    if (isEscape) {
      const next = line.charAt(++at);
      if (next === "") return null;
      word = (word ?? "") + (quote === "" || next === '"' || next === "\\" ? next : char + next);
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (char === "#") break;
    else if (!/\s/.test(char)) word = (word ?? "") + char;
    else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  if (quote !== "") return null;
  return word === null ? words : [...words, word];
}
