import { inspect } from "node:util";
import { EXIT } from "@afterpatch/core/exit";
import { runCommandLine } from "./command-line.ts";
import { asCommandError, errorDocument, errorLine } from "./usage.ts";
import { version } from "./version.ts";

const { argv, env, stdout, stderr } = process;
const args = argv.slice(2);

// A reader that went away, such as `head`, is no error of ours.
for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.ok);
    stderr.write(`afterpatch-agent: standard output: ${error.message}; see to the disk or the pipe, then ask again\n`);
    process.exit(EXIT.internal);
  });
}

try {
  stdout.write(await runCommandLine(args, version, stdout.columns ?? 100));
} catch (thrown) {
  const error = asCommandError(thrown);
  process.exitCode = error.exit;
  if (asksForJson(args)) stdout.write(`${JSON.stringify(errorDocument(error), null, 2)}\n`);
  stderr.write(errorLine(error));
  if (error.exit === EXIT.internal && env.AFTERPATCH_DEBUG) stderr.write(`${inspect(thrown)}\n`);
}

/** Also on a command line that could not be read. */
function asksForJson(words: readonly string[]): boolean {
  return words.some(
    (word, index) =>
      /^(?:--format=|-o=?)json$/.test(word) || (word === "json" && /^(?:--format|-o)$/.test(words[index - 1] ?? "")),
  );
}
