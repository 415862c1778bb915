import { type Command, plain, type Word } from "./grub-words.ts";

/** True, false, or not known before the machine starts. */
export type Known = boolean | null;

/** Value of a word, null when it is not known. */
type Expand = (word: Word) => string | null;

/** Whether a command of a GRUB script succeeds. `files`: whether those that are asked for exist, by their last name. */
export function holds(command: Command, expand: Expand, files: ReadonlyMap<string, boolean>): Known {
  const name = plain(command[0]);
  if (name === "true" || name === "false") return name === "true";
  if ((name !== "[" && name !== "test") || command.length > 40) return null;
  return test(name === "[" ? command.slice(1, -1) : command.slice(1), expand, files);
}

function test(words: readonly Word[], expand: Expand, files: ReadonlyMap<string, boolean>): Known {
  const at = words.findIndex((word) => plain(word) === "-a" || plain(word) === "-o");
  if (at > 0) {
    const [left, right] = [test(words.slice(0, at), expand, files), test(words.slice(at + 1), expand, files)];
    return plain(words[at]) === "-a" ? and(left, right) : or(left, right);
  }
  if (plain(words[0]) === "!") return not(test(words.slice(1), expand, files));
  // A variable without quotes that is empty leaves no word.
  const [first, second, third] = words.filter((word) => word.length !== 1 || expand(word) !== "");
  if (first === undefined) return false;
  if (second === undefined) return not(isEmpty(expand(first)));
  return third === undefined
    ? one(plain(first), second, expand, files)
    : two(expand(first), plain(second), expand(third));
}

function one(operator: string | null, word: Word, expand: Expand, files: ReadonlyMap<string, boolean>): Known {
  if (operator === "-n") return not(isEmpty(expand(word)));
  if (operator === "-z") return isEmpty(expand(word));
  if (operator !== "-s" && operator !== "-f" && operator !== "-e") return null;
  const text = word.map((piece) => ("text" in piece ? piece.text : "")).join("");
  return files.get(text.slice(text.lastIndexOf("/") + 1)) ?? null;
}

function two(left: string | null, operator: string | null, right: string | null): Known {
  if (left === null || right === null) return null;
  if (operator === "=" || operator === "==") return left === right;
  return operator === "!=" ? left !== right : null;
}

function isEmpty(value: string | null): Known {
  return value === null ? null : value === "";
}

export function and(a: Known, b: Known): Known {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

export function or(a: Known, b: Known): Known {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}

export function not(a: Known): Known {
  return a === null ? null : !a;
}
