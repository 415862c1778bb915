import { documentErrors } from "../integration/schemas.ts";
import type { Finished } from "./commands.ts";
import { exec, type Host } from "./host.ts";

/** The built agent, which the host has with its payload. */
export interface Agent {
  run(...args: readonly string[]): Promise<Finished>;
  /** The document that a command prints with `-o json`. It must end well, and print what docs/COMMAND.schema.json says. */
  json<Document>(command: string, ...args: readonly string[]): Promise<Document>;
}

export function agentOn(host: Host): Agent {
  const run = (...args: readonly string[]) =>
    exec(host, ["/opt/afterpatch/bin/afterpatch-agent", ...args], { timeoutMs: 120_000 });
  return {
    run,
    json: async <Document>(command: string, ...args: readonly string[]) => {
      const { code, stdout, stderr } = await run(command, ...args, "-o", "json");
      const errors = code === 0 ? documentErrors(command, stdout) : [`exit ${code}: ${stderr}`];
      if (errors.length > 0) throw new Error(`afterpatch-agent ${[command, ...args].join(" ")}: ${errors.join("; ")}`);
      return JSON.parse(stdout) as Document; // the caller names the command's own document
    },
  };
}
