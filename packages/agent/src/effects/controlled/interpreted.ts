import { basename } from "node:path";

/** Programs that run what somebody else wrote. */
const INTERPRETERS =
  /^(python|pypy|perl|ruby|node|nodejs|deno|bun|php|lua|luajit|tclsh|expect|guile|java|mono|dotnet|awk|gawk|mawk|sh|dash|ash|bash|ksh|mksh|zsh|csh|tcsh|fish)[-.]?[0-9.]*$/;
/** Programs that are a different one under each name. */
const MANY_NAMES = new Set(["busybox", "toybox"]);

/** Options whose argument is the next word, and not what is run. */
const WITH_ARGUMENT: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["python", new Set(["-W", "-X", "--check-hash-based-pycs"])],
  ["pypy", new Set(["-W", "-X"])],
  ["perl", new Set(["-I"])],
  ["ruby", new Set(["-I", "-r", "-C", "-E"])],
  ["node", new Set(["-r", "--require", "--import", "--loader"])],
  ["nodejs", new Set(["-r", "--require", "--import", "--loader"])],
  ["php", new Set(["-c", "-d"])],
  ["java", new Set(["-cp", "-classpath", "--class-path", "-p", "--module-path"])],
  ["bash", new Set(["-O", "-o", "--rcfile", "--init-file"])],
]);

/**
 * What a process of an interpreter runs: its script, module, class or code, or the first word of the title that it gave
 * itself. Null for every other program, which is told by its path. `words`: of proc_pid_cmdline(5).
 */
export function interpreted(program: string, words: readonly string[]): string | null {
  const name = basename(program);
  if (MANY_NAMES.has(name)) return underName(name, words);
  const family = INTERPRETERS.exec(name)?.[1];
  return family === undefined ? null : scriptOf(family, words);
}

function underName(own: string, words: readonly string[]): string {
  const called = basename(words[0] ?? "") === own ? words.slice(1) : words;
  const name = basename(called[0] ?? "");
  const family = INTERPRETERS.exec(name)?.[1];
  return family === undefined ? name : scriptOf(family, called);
}

function scriptOf(family: string, words: readonly string[]): string {
  const [first = "", ...rest] = words;
  const given = rest.filter((word) => word !== "");
  if (given.length === 0) return first.split(" ")[0] ?? "";
  const withArgument = WITH_ARGUMENT.get(family);
  const script = given.find((word, at) => !word.startsWith("-") && !withArgument?.has(given[at - 1] ?? ""));
  return script ?? words.join(" ");
}
