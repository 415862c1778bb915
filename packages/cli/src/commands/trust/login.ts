import { chmod, mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, fileReason, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { echoed, visible } from "@afterpatch/core/text";
import type { JoinToken } from "@afterpatch/wire/token";
import { durationOf } from "@afterpatch/core/command-line";
import { command } from "../../command.ts";
import { checkTarget, emit } from "../../output.ts";
import { instant } from "../../render/time.ts";

const PATIENCE_MS = 45_000;
/** A token has about 140 characters. */
const MAX_BYTES = 4096;

export const login = command({
  syntax: "login <enrol-address>",
  summary: "Become an operator: make a key here, and have it certified with a login token",
  options: (parser) =>
    parser
      .positional("enrol-address", {
        type: "string",
        demandOption: true,
        describe: "HOST[:PORT] of the controller's enrol port, 7444 by default",
      })
      .option("token-file", {
        type: "string",
        requiresArg: true,
        describe: "File with the login token; - reads standard input [AFTERPATCH_TOKEN: the token itself]",
      })
      .option("lifetime", {
        type: "string",
        requiresArg: true,
        describe: "Of a machine: its certificate lives so long, at most what its admin allowed [default: that]",
      })
      .option("replace", { type: "boolean", default: false, describe: "Take the place of credentials that are there" }),
  exits: "0 logged in, 4 controller unreachable, 5 usage, token refused, or wrong CA",
  examples: [
    ["afterpatch login ctl.example.net:7444 --token-file carol.token", "with what the admin sent"],
    [
      "afterpatch login ctl.example.net:7444 --credentials ./operator --lifetime 30m",
      "a pipeline, whose secret is in AFTERPATCH_TOKEN",
    ],
  ],
  run: async (args, shell) => {
    await checkTarget(args);
    const directory = shell.access.credentials;
    await checkToken(args.tokenFile, shell.access.loginToken);
    await checkFree(directory, args.replace);
    const lifeMs = durationOf("--lifetime", args.lifetime) ?? 0;
    if (args.lifetime !== undefined && lifeMs === 0)
      throw usageError("--lifetime", "'0s' is no life", "write 1m or more");
    const token = await tokenGiven(args.tokenFile, shell.access.loginToken);
    const { parseAddressOr } = await import("@afterpatch/wire/address");
    const { ENROL_PORT } = await import("../../credentials/read.ts");
    const address = parseAddressOr(args["enrol-address"], ENROL_PORT);
    if (!address) {
      const why = `${echoed(args["enrol-address"])} is no address`;
      throw usageError("enrol-address", why, "write HOST or HOST:PORT, such as ctl.example.net:7444");
    }
    const { certified } = await import("../../credentials/login.ts");
    const made = await certified(address, token, shell.now(), { patienceMs: PATIENCE_MS, lifeMs });
    await keep(directory, made);
    const [name, role] = [visible(made.name), visible(made.role)];
    const { controller, isMachine: machine, until } = made;
    const about = { name, role, machine, credentials: directory, controller, until: instant(until) };
    const document = { schema: "afterpatch.login/v1", ...about };
    const end = machine ? `, until ${instant(until)}` : "";
    const table = () => `Logged in as ${name} (${role}) at ${controller}${end}; credentials are in ${directory}\n`;
    await emit({ document, table }, args, shell);
    return EXIT.ok;
  },
});

type Made = Awaited<ReturnType<typeof import("../../credentials/login.ts")["certified"]>>;

/** That one is given and is there is said before all else; it is not yet read, for standard input may be somebody's keyboard. */
async function checkToken(path: string | undefined, inEnvironment: string | null): Promise<void> {
  if (path === undefined && inEnvironment === null) throw noToken();
  if (path === undefined || path === "-") return;
  await stat(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
}

async function checkFree(directory: string, isReplacing: boolean): Promise<void> {
  const path = join(directory, "operator.crt");
  const isThere = await stat(path).then(
    () => true,
    () => false, // whatever else is wrong with the directory is told when it is written
  );
  if (isThere && !isReplacing)
    throw usageError("credentials", `${path} is there already`, "add --replace, or name another --credentials DIR");
}

async function keep(directory: string, { ca, cert, key, controller, enrol, isMachine }: Made) {
  const [{ writeFileDurably }, { replaceKeyPair }, { MACHINE, OPERATOR_PAIR }] = await Promise.all([
    import("@afterpatch/wire/credential-files"),
    import("@afterpatch/wire/key-pair"),
    import("../../credentials/read.ts"),
  ]);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    await writeFileDurably(join(directory, "ca.crt"), ca);
    await writeFileDurably(join(directory, "controller"), `${controller}\n`);
    await writeFileDurably(join(directory, "enrol"), `${enrol}\n`);
    if (isMachine) await writeFileDurably(join(directory, MACHINE), "its certificate is not renewed\n");
    else await rm(join(directory, MACHINE), { force: true });
    await replaceKeyPair(directory, OPERATOR_PAIR, { cert, key });
  } catch (cause) {
    const used = isMachine ? "" : "; the token is used up";
    const why = `${directory} cannot be written: ${fileReason(cause)}${used}`;
    const todo = isMachine ? "make it writable" : "make it writable and ask for another token";
    throw usageError("credentials", why, todo, { cause });
  }
}

/** What was named on the command line comes first. */
async function tokenGiven(path: string | undefined, inEnvironment: string | null): Promise<JoinToken> {
  if (path !== undefined) return tokenIn(path);
  if (inEnvironment !== null) return parsed("AFTERPATCH_TOKEN", inEnvironment);
  throw noToken();
}

function noToken(): CommandError {
  return usageError("--token-file", "is missing", "name the file, - for standard input, or set AFTERPATCH_TOKEN");
}

async function tokenIn(path: string): Promise<JoinToken> {
  const what = path === "-" ? "token on standard input" : path;
  const text = await (path === "-" ? readInput() : readStart(path)).catch((cause: unknown) => {
    throw cannotRead(what, cause);
  });
  return parsed(what, text);
}

function cannotRead(what: string, cause: unknown): CommandError {
  return usageError(what, `token cannot be read: ${fileReason(cause)}`, "name a file with a token", { cause });
}

async function parsed(what: string, text: string): Promise<JoinToken> {
  const { parseToken } = await import("@afterpatch/wire/token");
  const token = parseToken(text);
  if (!token) throw usageError(what, "no token in it", "ask an admin: 'afterpatch operators add' or 'operators token'");
  return token;
}

async function readStart(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw new CommandError(EXIT.usage, path, "too large for a token", "name a file with a token");
  return readFile(path, "utf8");
}

async function readInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > MAX_BYTES) break; // no token; the rest need not be read
  }
  return text;
}
