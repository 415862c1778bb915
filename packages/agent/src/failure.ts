import { inspect } from "node:util";
import { errorIn } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { errorDocument, errorLine } from "./usage.ts";

/** As it was typed, after the name of the program. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly isDebugging: boolean;
}

/**
 * Runs a command. What it throws becomes one line, an exit code, and a document where the command line asks for JSON.
 * `command` is the one whose help a mistake refers to.
 */
export async function orFail(
  command: string,
  { args, isDebugging }: CommandLine,
  run: () => Promise<void>,
): Promise<void> {
  const { stdout, stderr } = process;
  try {
    await run();
  } catch (thrown) {
    const error = errorIn(command, thrown);
    process.exitCode = error.exit;
    if (asksForJson(args)) stdout.write(`${JSON.stringify(errorDocument(error), null, 2)}\n`);
    stderr.write(errorLine(error));
    if (error.exit === EXIT.internal && isDebugging) stderr.write(`${inspect(thrown)}\n`);
  }
}

/** Also on a command line that could not be read. */
function asksForJson(words: readonly string[]): boolean {
  return words.some(
    (word, index) =>
      /^(?:--format=|-o=?)json$/.test(word) || (word === "json" && /^(?:--format|-o)$/.test(words[index - 1] ?? "")),
  );
}
