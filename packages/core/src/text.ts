/** Control, format, surrogate, private-use, unassigned and line-separating characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

const PLAIN = /^[\x20-\x7e]*$/;

/** Text that came from a host, safe to show and to log: characters that a terminal would obey or hide become `\u{..}`. */
export function visible(text: string): string {
  if (PLAIN.test(text)) return text; // nearly all of it, and ten times as fast
  return text.replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Longest echo of what somebody typed or a host sent, in a message. */
const LONGEST_ECHO = 80;

/** What somebody typed, for a message: in quotes, made visible, and never longer than about 80 characters. */
export function echoed(text: string): string {
  // What is cut away is not looked at: it may be megabytes.
  return `'${abridged(visible(text.slice(0, 10 * LONGEST_ECHO)) + visible(text.slice(10 * LONGEST_ECHO).slice(-LONGEST_ECHO)), LONGEST_ECHO)}'`;
}

/** Text of at most `longest` characters: the middle gives way to an ellipsis, for names and paths differ at their ends. */
export function abridged(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const tail = Math.floor(longest / 3);
  const head = longest - tail - 1;
  return `${text.slice(0, head).replace(/[\ud800-\udbff]$/, "")}…${text.slice(-tail).replace(/^[\udc00-\udfff]/, "")}`;
}

/** Lines become one. */
export function oneLine(text: string): string {
  return text
    .split(/[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ");
}

/** The first few of a list, and how many more there are: `web01, web02 and 7 more`. */
export function someOf(items: readonly string[], most = 5): string {
  const more = items.length - most;
  return more > 1 ? `${items.slice(0, most).join(", ")} and ${more} more` : items.join(", ");
}

const BEYOND_ASCII = /[\u0080-\uffff]/;

/** UTF-8 text of a string that holds one byte per character (latin1); a byte that is not UTF-8 becomes `\x..`. */
export function textOfBytes(bytes: string): string {
  if (!BEYOND_ASCII.test(bytes)) return bytes;
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const [codePoint, length] = decodeAt(bytes, at);
    const byte = bytes.charCodeAt(at);
    text += codePoint < 0 ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCodePoint(codePoint);
    at += length;
  }
  return text;
}

/** Code point and length of the UTF-8 sequence at `at`; -1 and 1 where there is none (RFC 3629: no surrogates, no overlong forms). */
function decodeAt(bytes: string, at: number): readonly [number, number] {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return [first, 1];
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return [-1, 1];
  let codePoint = first & (0x7f >> length);
  for (let next = 1; next < length; next++) {
    const byte = bytes.charCodeAt(at + next);
    if (Number.isNaN(byte) || (byte & 0xc0) !== 0x80) return [-1, 1];
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  const smallest = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000;
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint < smallest || codePoint > 0x10ffff || isSurrogate ? [-1, 1] : [codePoint, length];
}

const REDACTED = "[redacted]";
const LONGEST_COMMAND = 1024;
/** What becomes `[redacted]` is shown short, but took its time. */
const MOST_LOOKED_AT = 16 * LONGEST_COMMAND;
const SECRET_WORD = "(?:pass|pwd|token|secret|key|auth|credential)";
const SECRET_OPTION = new RegExp(`^--?[\\w.-]*${SECRET_WORD}[\\w.-]*$`, "i");
const SECRET_VALUE = new RegExp(`((?:^|[\\s;&?"'-])[\\w.]*${SECRET_WORD}[\\w.-]*=)[^\\s&;]+`, "gi");
const SECRET_IN_SCRIPT = new RegExp(`(\\s--?[\\w.-]*${SECRET_WORD}[\\w.-]* )[^\\s-]\\S*`, "gi");
const MYSQL_LIKE = /(?:^|\/)(?:mysql|mariadb)[\w-]*$/;

/**
 * A command line without what looks like a secret. Errs towards hiding too much: what is shown leaves the host.
 * Environments are never read.
 */
export function redact(argv: readonly string[]): string {
  const isMysql = MYSQL_LIKE.test(argv[0] ?? "");
  const shown: string[] = [];
  let hideNext = false;
  let length = 0;
  let looked = 0;
  for (const raw of argv) {
    if (length > LONGEST_COMMAND) break; // what follows would not be shown
    if (looked > MOST_LOOKED_AT) {
      shown.push("...");
      break;
    }
    const argument = raw.length > 4 * LONGEST_COMMAND ? raw.slice(0, 4 * LONGEST_COMMAND) : raw;
    const hidden = hideNext && !argument.startsWith("--");
    const text = hidden ? REDACTED : isMysql && /^-p./.test(argument) ? `-p${REDACTED}` : redactArgument(argument);
    hideNext = SECRET_OPTION.test(argument);
    shown.push(text);
    length += text.length + 1;
    looked += argument.length;
  }
  const command = shown.join(" ");
  return command.length > LONGEST_COMMAND ? `${command.slice(0, LONGEST_COMMAND).toWellFormed()}...` : command;
}

function redactArgument(argument: string): string {
  return argument
    .replace(/-----BEGIN[\s\S]*/g, REDACTED)
    .replace(/([a-z][a-z0-9+.-]{0,31}:\/\/[^\s/:@]{0,256}):[^\s@]{1,512}@/gi, `$1:${REDACTED}@`)
    .replace(SECRET_VALUE, `$1${REDACTED}`)
    .replace(SECRET_IN_SCRIPT, `$1${REDACTED}`)
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REDACTED)
    .replace(/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, REDACTED)
    .replace(/(?:[A-Za-z0-9+/]{4}){8,}[A-Za-z0-9+/]{0,3}={1,2}/g, REDACTED)
    .replace(/[A-Za-z0-9+_=-]{32,}/g, (run) => (/[0-9]/.test(run) && /[A-Za-z]/.test(run) ? REDACTED : run))
    .replace(/(?<![\w/.])[A-Za-z0-9+/]{40,}/g, (run) =>
      /[0-9]/.test(run) && /[A-Z]/.test(run) && /[a-z]/.test(run) ? REDACTED : run,
    );
}
