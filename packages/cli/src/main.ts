import { userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";
import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { type Parsed, PROGRAM, parseCommandLine } from "./command-line.ts";
import { asCommandError, errorDocument, errorLine, usageError } from "@afterpatch/core/command-error";
import { isForPrograms, serialise } from "./output.ts";
import { type Access, FORMATS, type Format, plain, type Shell, type Terminal } from "./shell.ts";
import { version } from "./version.ts";

const { argv, env, stdin, stdout, stderr } = process;

// No await at the top level: the programs that are made for packages are CommonJS, see deploy/package.
void main(argv.slice(2)).then((code) => {
  // Calls that nobody waits for any more must not keep an interrupted program alive.
  stdout.write("", (error) => {
    if (!error) process.exit(code);
  });
});

async function main(args: readonly string[]): Promise<ExitCode> {
  // A reader that went away, such as `head`, is no error of ours.
  for (const stream of [stdout, stderr])
    stream.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "EPIPE" ? process.exit(EXIT.ok) : notWritten(error),
    );
  try {
    // Asked by the scripts of completion/, never typed.
    if (args[0] === "__complete") return await completed(args.slice(1));
    const parsed = await parseCommandLine(args, version, stdout.columns || 100);
    if (parsed.kind === "text") {
      stdout.write(parsed.text);
      return EXIT.ok;
    }
    return await parsed.chosen.run(shellFor(parsed));
  } catch (thrown) {
    const error = asCommandError(thrown);
    const format = formatIn(args);
    if (isForPrograms({ format, out: undefined })) stdout.write(await serialise(errorDocument(PROGRAM, error), format));
    stderr.write(errorLine(PROGRAM, error));
    return error.exit;
  }
}

async function completed(words: readonly string[]): Promise<ExitCode> {
  const { complete } = await import("./completion/complete.ts");
  // Where the line itself says whom to ask, that one is asked.
  const said = (name: string) => words.flatMap((word, index) => saidBy(word, words[index + 1], name)).at(0);
  const shell = shellFor({ controller: said("--controller"), credentials: said("--credentials"), isColoured: false });
  stdout.write(await complete(words, shell));
  return EXIT.ok;
}

function saidBy(word: string, next: string | undefined, name: string): readonly string[] {
  if (word.startsWith(`${name}=`)) return [word.slice(name.length + 1)];
  return word === name && next ? [next] : [];
}

/** What was to be said did not arrive: a result that nobody got is no success. */
function notWritten(error: Error): never {
  stderr.write(`afterpatch: standard output: ${error.message}; see to the disk or the pipe, then ask again\n`);
  process.exit(EXIT.internal);
}

function shellFor(parsed: Omit<Extract<Parsed, { kind: "command" }>, "kind" | "chosen">): Shell {
  const access: Access = {
    controller: parsed.controller ?? (env.AFTERPATCH_CONTROLLER || null),
    loginToken: env.AFTERPATCH_TOKEN || null,
    credentials: parsed.credentials ?? (env.AFTERPATCH_CREDENTIALS || join(home(), ".config", "afterpatch")),
    inventory: env.AFTERPATCH_INVENTORY || null,
    inventoryLabels: env.AFTERPATCH_INVENTORY_LABELS || null,
  };
  const isColoured = parsed.isColoured && stdout.isTTY && !env.NO_COLOR && env.TERM !== "dumb";
  return {
    access,
    now: () => Date.now(),
    out: (text) => void stdout.write(text),
    written: (text) =>
      stdout.write(text) ? Promise.resolve() : new Promise((resolve) => stdout.once("drain", resolve)),
    err: (text) => void stderr.write(text),
    terminal: stdout.isTTY && env.TERM !== "dumb" ? terminal() : null,
    ask: stdin.isTTY ? ask : null,
    paint: isColoured ? (colour, text) => styleText(colour, text, { validateStream: false }) : plain,
    onInterrupt(interrupted) {
      for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupted);
      return () => {
        for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupted);
      };
    },
  };
}

/** Never a relative path: credentials are not taken from where one happens to stand. */
function home(): string {
  if (env.HOME) return env.HOME;
  try {
    return userInfo().homedir;
  } catch (cause) {
    const todo = "name the directory with --credentials DIR or AFTERPATCH_CREDENTIALS";
    throw usageError("credentials", "this user has no home directory", todo, { cause });
  }
}

function terminal(): Terminal {
  return {
    columns: () => stdout.columns || 80,
    rows: () => stdout.rows || 24,
    onResize(resized) {
      stdout.on("resize", resized);
      return () => stdout.off("resize", resized);
    },
  };
}

/** Asks on standard error, so that standard output stays the result. Ctrl-C and Ctrl-D answer nothing. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr });
  const gone = new AbortController();
  lines.once("close", () => gone.abort());
  lines.once("SIGINT", () => gone.abort());
  try {
    return await lines.question(question, { signal: gone.signal });
  } catch (error) {
    if (!gone.signal.aborted) throw error;
    stderr.write("\n");
    return "";
  } finally {
    lines.close();
  }
}

/** What `-o` asked for, also on a command line that could not be read. */
function formatIn(args: readonly string[]): Format {
  const text = args.map((arg, index) =>
    /^(?:--format|-o)$/.test(arg) ? args[index + 1] : /^(?:--format=|-o=?)(.+)$/.exec(arg)?.[1],
  );
  return FORMATS.find((format) => text.includes(format)) ?? "table";
}
