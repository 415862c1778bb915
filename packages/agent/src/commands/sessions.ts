import { EXIT } from "@afterpatch/core/exit";
import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { sayIfInvalid } from "../config/look.ts";
import { checkTarget, emit } from "../output.ts";

export interface SessionsArguments extends GlobalOptions {
  readonly service: string | undefined;
  readonly format: "table" | "json";
  readonly out: string | undefined;
}

export const sessions: CommandModule<GlobalOptions, SessionsArguments> = {
  command: "sessions [service]",
  describe: "Open sessions of xinetd, inetd and Accept=yes sockets: peer, user, since when, old or new code",
  builder: (parser) =>
    parser
      .positional("service", { type: "string", describe: "Only this service, as its super-server calls it" })
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .example([
        ["afterpatch-agent sessions", "every open session"],
        ["afterpatch-agent sessions imap", "those of one service; exit 6 if no super-server has it"],
        ["afterpatch-agent sessions -o json", "for a program (docs/sessions.schema.json)"],
      ]),
  handler: async (args) => {
    checkTarget(args);
    await sayIfInvalid(args);
    const { sessionsOf } = await import("../look/sessions.ts");
    const { renderSessions } = await import("../render/sessions.ts");
    const { whoIsThis } = await import("../host/identity.ts");
    const document = sessionsOf(args.service ?? null, { ...whoIsThis(args.stateDir), now: Date.now });
    emit(args.format === "json" ? `${JSON.stringify(document, null, 2)}\n` : renderSessions(document), args);
    process.exitCode = EXIT.ok;
  },
};
