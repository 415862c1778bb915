import type { Finished } from "./commands.ts";
import { exec, type Host } from "./host.ts";

/** The built agent, which the host has with its payload. */
export interface Agent {
  run(...args: readonly string[]): Promise<Finished>;
  /** The document that a command prints with `-o json`, which must end well. */
  json<Document>(...args: readonly string[]): Promise<Document>;
}

export function agentOn(host: Host): Agent {
  const run = (...args: readonly string[]) =>
    exec(host, ["/opt/afterpatch/bin/afterpatch-agent", ...args], { timeoutMs: 120_000 });
  return {
    run,
    json: async <Document>(...args: readonly string[]) => {
      const { code, stdout, stderr } = await run(...args, "-o", "json");
      if (code !== 0) throw new Error(`afterpatch-agent ${args.join(" ")}: exit ${code}: ${stderr}`);
      return JSON.parse(stdout) as Document; // the caller names the command's own document
    },
  };
}
