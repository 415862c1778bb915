/** A piece of a word: text as it stands, or the value of a variable. */
export type Piece = { readonly text: string } | { readonly variable: string };
export type Word = readonly Piece[];
/** One command: its words; `{` and `}` that stand alone are commands of their own. */
export type Command = readonly Word[];

const MOST_COMMANDS = 50_000;

/** Commands of a GRUB script, in order. Null when it is not one that could be taken apart. */
export function commandsOf(script: string): readonly Command[] | null {
  const commands: Command[] = [];
  let words: Word[] = [];
  let at = 0;
  const end = (): void => {
    if (words.length > 0) commands.push(words);
    words = [];
  };
  while (at < script.length) {
    if (commands.length > MOST_COMMANDS) return null;
    const character = script[at];
    if (character === "\n" || character === ";") {
      end();
      at += 1;
    } else if (character === " " || character === "\t" || character === "\r") at += 1;
    else if (character === "\\" && script[at + 1] === "\n") at += 2;
    else if (character === "#") {
      const newline = script.indexOf("\n", at);
      at = newline < 0 ? script.length : newline;
    } else {
      const read = wordAt(script, at);
      if (read === null) return null;
      const only = plain(read.word);
      if (only === "}") end(); // never an argument
      words.push(read.word);
      at = read.end;
      // Words after which the shell-like grammar expects a command, without a separator between.
      if (only === "{" || only === "}" || (words.length === 1 && only !== null && STARTS.has(only))) end();
    }
  }
  end();
  return commands;
}

const STARTS = new Set(["if", "elif", "then", "else", "do", "while", "until"]);

/** The text of a word without variables and quotes; null for another one. */
export function plain(word: Word | undefined): string | null {
  const [piece, ...more] = word ?? [];
  return piece && more.length === 0 && "text" in piece ? piece.text : null;
}

function wordAt(script: string, start: number): { readonly word: Word; readonly end: number } | null {
  const pieces: Piece[] = [];
  let at = start;
  let quoted = false; // inside double quotes
  let text = "";
  let isQuoted = false;
  const flush = (): void => {
    if (text !== "") pieces.push({ text });
    text = "";
  };
  for (; at < script.length; ) {
    const character = script[at] ?? "";
    if (!quoted && /[ \t\r\n;]/.test(character)) break; // what the caller passes over, and nothing else
    if (character === "'" && !quoted) {
      const close = script.indexOf("'", at + 1);
      if (close < 0) return null;
      text += script.slice(at + 1, close);
      isQuoted = true;
      at = close + 1;
    } else if (character === '"') {
      quoted = !quoted;
      isQuoted = true;
      at += 1;
    } else if (character === "\\" && at + 1 < script.length) {
      const next = script[at + 1] ?? "";
      // In double quotes a backslash stands for itself before most characters.
      if (next !== "\n") text += quoted && !'$"\\'.includes(next) ? `\\${next}` : next;
      at += 2;
    } else if (character === "$") {
      const [whole, braced, bare] =
        /^\$(?:\{([\w?#*@]+)\}|([A-Za-z_]\w*|[?#*@0-9]))/.exec(script.slice(at, at + 256)) ?? [];
      const variable = braced ?? bare;
      if (whole === undefined || variable === undefined) {
        text += "$";
        at += 1;
      } else {
        flush();
        pieces.push({ variable });
        at += whole.length;
      }
    } else {
      text += character;
      at += 1;
    }
  }
  if (quoted) return null;
  flush();
  // `"if"` and `'{'` are no grammar: an empty second piece keeps them from being taken for it.
  if (pieces.length === 0) pieces.push({ text: "" });
  if (isQuoted) pieces.push({ text: "" });
  return { word: pieces, end: at };
}
