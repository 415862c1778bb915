import { formatAddress } from "@afterpatch/wire/address";
import type { CommandModule } from "yargs";
import { version } from "../version.ts";

interface BackupArguments {
  readonly "data-dir": string;
  readonly out: string;
}

/** `backup`: a copy of a data directory, also while its controller runs. */
export const backupCommand: CommandModule<object, BackupArguments> = {
  command: "backup",
  describe: "Copy store and CA to a new directory, also while the controller runs",
  builder: (yargs) =>
    yargs
      .option("data-dir", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Directory that init made",
      })
      .option("out", { type: "string", demandOption: true, requiresArg: true, describe: "New or empty directory" })
      .example("$0 backup --data-dir /var/lib/afterpatch/controller --out /backup/afterpatch-2026-12-01", "")
      .epilogue(
        "Exit codes: 0 copied, 1 internal error; corrupt, newer or locked store; 5 usage, or a directory that is not fit.",
      ),
  handler: async (args) => {
    const { checkData } = await import("./data.ts");
    await checkData(args["data-dir"]);
    const { backUp } = await import("../backup/backup.ts");
    const { hosts, auditHead } = await backUp(args["data-dir"], args.out, version, Date.now());
    process.stdout.write(
      `Backup of ${hosts} host${hosts === 1 ? "" : "s"} is in ${args.out}; it holds the CA's private keys\nAudit head ${auditHead}\n`,
    );
  },
};

interface RestoreArguments {
  readonly from: string;
  readonly "data-dir": string;
}

/** `restore`: a data directory of a backup. */
export const restoreCommand: CommandModule<object, RestoreArguments> = {
  command: "restore",
  describe: "Make a data directory of a backup; its fleet is frozen until somebody thaws it",
  builder: (yargs) =>
    yargs
      .option("from", { type: "string", demandOption: true, requiresArg: true, describe: "Directory that backup made" })
      .option("data-dir", { type: "string", demandOption: true, requiresArg: true, describe: "New or empty directory" })
      .example("$0 restore --from /backup/afterpatch-2026-12-01 --data-dir /var/lib/afterpatch/controller", "")
      .epilogue("Exit codes: 0 restored, 1 internal error or corrupt backup, 5 usage, or a directory that is not fit."),
  handler: async (args) => {
    const { restore } = await import("../backup/restore.ts");
    const directory = args["data-dir"];
    const { madeAt, hosts } = await restore(args.from, directory, Date.now());
    process.stdout.write(
      `Restored ${hosts} host${hosts === 1 ? "" : "s"} as of ${madeAt} to ${directory}. What was revoked, enrolled and ordered since is not in it:\n` +
        "revoke again what has to be, and thaw the fleet when you have looked ('afterpatch freeze off').\n" +
        `Next: stop the old controller for good, then afterpatch-controller serve --data-dir ${directory}\n` +
        `      afterpatch-controller login-token --data-dir ${directory} admin > admin.token\n`,
    );
  },
};

interface LoginTokenArguments {
  readonly "data-dir": string;
  readonly operator: string;
}

/** `login-token`: for whoever owns the data directory, when no admin can log in any more. */
export const loginTokenCommand: CommandModule<object, LoginTokenArguments> = {
  command: "login-token <operator>",
  describe: "Print a login token for an operator who cannot log in any more; the controller must run",
  builder: (yargs) =>
    yargs
      .positional("operator", { type: "string", demandOption: true, describe: "Name of the operator, such as admin" })
      .option("data-dir", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Directory that init made",
      })
      .example("$0 login-token --data-dir /var/lib/afterpatch/controller admin > admin.token", "")
      .epilogue("Exit codes: 0 printed, 1 internal error, 5 usage, no such operator, or no controller runs."),
  handler: async (args) => {
    const [{ checkData }, { askLocal }, { usageError }, { echoed }] = await Promise.all([
      import("./data.ts"),
      import("../local/socket.ts"),
      import("@afterpatch/core/command-error"),
      import("@afterpatch/core/text"),
    ]);
    const directory = args["data-dir"];
    await checkData(directory);
    const answer = await askLocal(directory, { kind: "login-token", operator: args.operator });
    if (answer === null) throw usageError(directory, "no controller runs on it", "start it with 'serve' first");
    if (answer.kind === "refused")
      throw usageError(`operator ${echoed(args.operator)}`, answer.why, "see 'operators list'");
    const { token = "", host = "", port = 0 } = answer.result;
    const enrol = formatAddress({ host: String(host), port: Number(port) });
    process.stdout.write(`${token}\n`);
    process.stderr.write(`Log in within an hour with: afterpatch login ${enrol} --token-file FILE --replace\n`);
  },
};
