import { usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { sayIfInvalid } from "../config/look.ts";
import { checkTarget, emit } from "../output.ts";
import { cveOf } from "./cve.ts";

export interface UsersArguments extends GlobalOptions {
  readonly paths: readonly string[];
  readonly package: string | undefined;
  readonly cve: string | undefined;
  readonly format: "table" | "json";
  readonly out: string | undefined;
}

export const users: CommandModule<object, UsersArguments> = {
  command: "users [paths..]",
  describe: "Every process that has a file mapped, old copies and the new one told apart",
  builder: (parser) =>
    parser
      .positional("paths", {
        type: "string",
        array: true,
        default: [],
        defaultDescription: "none",
        describe: "Path, or glob in quotes; * matches slashes too; without a slash: the file's name",
      })
      .option("package", { type: "string", requiresArg: true, describe: "Files of this package" })
      .option("cve", {
        type: "string",
        requiresArg: true,
        describe: "Files of the packages whose changelogs name this CVE, and who runs them without its fix",
      })
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .example([
        ["afterpatch-agent users '*/libc.so.6'", "who runs which copy of the C library"],
        ["afterpatch-agent users '/lib/*/libc.so*'", "/lib is /usr/lib where /usr is merged"],
        ["afterpatch-agent users libc.so.6 -o json", "for a program (docs/users.schema.json)"],
        ["afterpatch-agent users --package libc6", "files of a package of this host"],
        ["afterpatch-agent users --cve CVE-2026-28387", "who runs code with the fix, and who without it"],
      ]) as never, // a list of paths, which yargs' types do not tell from one
  handler: async (args) => {
    checkTarget(args);
    const cve = askedCve(args);
    await sayIfInvalid(args);
    const { askEngines } = await import("../host/containers/engines.ts");
    const { usersOf } = await import("../look/users.ts");
    const { renderUsers } = await import("../render/users.ts");
    const { whoIsThis } = await import("../host/identity.ts");
    const document = usersOf(
      { paths: args.paths, package: args.package ?? null, cve },
      { ...whoIsThis(args.stateDir), now: Date.now, engines: await askEngines() },
    );
    emit(args.format === "json" ? `${JSON.stringify(document, null, 2)}\n` : renderUsers(document), args);
    process.exitCode = EXIT.ok;
  },
};

/** The id, where one was asked for. Throws CommandError with exit code 5. */
function askedCve({ paths, package: name, cve }: UsersArguments): string | null {
  if (cve !== undefined) {
    if (paths.length > 0 || name !== undefined) {
      throw usageError("--cve", "it says itself which files are meant", "leave paths and --package out");
    }
    return cveOf(cve);
  }
  if (paths.length === 0 && name === undefined) throw usageError("users", "no file is named", "name a path or a glob");
  if (paths.includes("") || name === "") throw usageError("users", "a name is empty", "name a path or a glob");
  return null;
}
