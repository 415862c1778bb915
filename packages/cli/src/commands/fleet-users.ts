import { usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { isFilter } from "@afterpatch/core/plan/filter";
import { command } from "../command.ts";
import { fleetUsersDocument, usersExitCode } from "../documents/fleet-users.ts";
import { checkTarget, emit } from "../output.ts";
import { renderFleetUsers } from "../render/fleet-users.ts";
import { filterOf, questionOptions } from "./filter-options.ts";
import { scopeOf, scopeOptions } from "./scope-options.ts";

const NO_FILES: readonly string[] = [];

export const fleetUsers = command({
  syntax: "users [files..]",
  summary: "Who still runs old code of a file, a package, or from before a CVE's fix, over the fleet",
  options: (parser) =>
    questionOptions(scopeOptions(parser))
      .positional("files", {
        type: "string",
        array: true,
        default: NO_FILES,
        defaultDescription: "every file",
        describe: "Paths, sonames or globs in quotes; without a slash the name of the file",
      })
      .option("hosts", { type: "string", requiresArg: true, describe: "Of these hosts; all if not given" })
      .option("exit-code", {
        type: "boolean",
        default: false,
        describe: "Exit 10 if a host runs it, 4 if it is not known of one",
      }),
  exits:
    "0 shown, 4 controller unreachable (with --exit-code also: of a host it is not known), 5 usage or credentials, 6 no such host, 10 with --exit-code: a host runs it",
  examples: [
    ["afterpatch users 'libssl.so*'", "who has an old copy of the library, and how old each report is"],
    ["afterpatch users --cve CVE-2026-28387 --exit-code", "who runs code from before its fix"],
    ["afterpatch users --package 'openssl*' --hosts 'role=web' -o wide", "a line for each host"],
  ],
  run: async (args, shell) => {
    if (args.files.includes("")) throw usageError("files", "a name is empty", "name a path, a soname or a glob");
    if (args.hosts === "") throw usageError("--hosts", "is empty", "write 'all' for every host");
    const filter = filterOf({ ...args, library: [...args.files, ...args.library] }, null);
    if (!isFilter(filter)) throw usageError("users", "no file is named", "name a path or a glob, --package or --cve");
    const scope = await scopeOf(args, shell);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const document = fleetUsersDocument(
      await control.findOldCode(args.hosts ?? "", filter, scope, "users"),
      args.hosts,
      filter,
    );
    const table = (paint: typeof shell.paint, isWide: boolean) =>
      renderFleetUsers(document, shell.now(), paint, isWide);
    await emit({ document, lines: document.users, table }, args, shell);
    return args.exitCode ? usersExitCode(document.hosts) : EXIT.ok;
  },
});
