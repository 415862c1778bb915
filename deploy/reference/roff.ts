/** Lines of a page of manuals, in man(7). */
export type Roff = readonly string[];

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  '"': "\\(dq",
};

/** Text as it is to be read, and copied: a hyphen stays the sign that a shell takes. */
export function escaped(text: string): string {
  return text.replace(/[\\\-'`^~"]|[^\n\x20-\x7e]/gu, (sign) => ESCAPES[sign] ?? unicode(sign));
}

function unicode(sign: string): string {
  return `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;
}

export const bold = (text: string): string => `\\fB${escaped(text)}\\fP`;
export const italic = (text: string): string => `\\fI${escaped(text)}\\fP`;

/** A line that is text, whatever it begins with. */
export function textLine(roff: string): string {
  return /^[.']/.test(roff) ? `\\&${roff}` : roff;
}

/** Text in lines that a person can read in the source; each sentence begins one. `roff` is escaped already. */
export function filled(roff: string): Roff {
  const lines: string[] = [];
  for (const sentence of roff.split(/(?<=[^.A-Z]\.) (?=[A-Z])/)) {
    let line = "";
    for (const word of sentence.split(/\s+/)) {
      if (line !== "" && line.length + word.length + 1 > 78) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.filter((line) => line !== "").map(textLine);
}

export const heading = (text: string): Roff => [`.SH ${escaped(text)}`];
export const subheading = (text: string): Roff => [`.SS ${escaped(text)}`];
export const paragraph = (roff: string): Roff => [".PP", ...filled(roff)];

/** What is told of a name below it. */
export const item = (name: string, roff: string): Roff => [".TP", textLine(name), ...filled(roff)];

/** Lines to be typed, as they stand. */
export const typed = (lines: readonly string[]): Roff => [
  ".RS 4",
  ".nf",
  ...lines.map((line) => textLine(escaped(line))),
  ".fi",
  ".RE",
];
