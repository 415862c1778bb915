import type { GlobalOptions } from "./command-line.ts";
import { DEFAULT_STATE_DIR } from "./plain-scan.ts";

/**
 * The options of `afterpatch-agent run` that are written plainly: each at most once, and its value a word of its own. Null
 * for everything else, which is for the parser of all commands to read: the daemon would keep that one in memory for good.
 */
export function plainRun(argv: readonly string[]): GlobalOptions | null {
  const [command, ...words] = argv;
  if (command !== "run") return null;
  const given = new Map<string, string>();
  for (let name = words.shift(); name !== undefined; name = words.shift()) {
    const value = words.shift();
    // What begins with a dash may be an option, and what is empty is a mistake.
    if (!OPTIONS.includes(name) || given.has(name) || !value || value.startsWith("-")) return null;
    given.set(name, value);
  }
  return { config: given.get("--config"), stateDir: given.get("--state-dir") ?? DEFAULT_STATE_DIR };
}

const OPTIONS: readonly string[] = ["--config", "--state-dir"];
