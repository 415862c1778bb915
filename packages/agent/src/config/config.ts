import { DEFAULT_POLICY } from "@afterpatch/core/policy/defaults";
import type { Policy } from "@afterpatch/core/policy/types";
import { ConfigError } from "./error.ts";
import { readConfig } from "./read.ts";

export const DEFAULT_CONFIG = "/etc/afterpatch/agent.yaml";

/** What the agent's file says at this moment. */
export type Config =
  /** `file` null: there is none, and the defaults hold. */
  | { readonly kind: "policy"; readonly policy: Policy; readonly file: string | null }
  /** Scan only: what the file forbids is not known. */
  | { readonly kind: "invalid"; readonly error: ConfigError };

export interface ConfigOptions {
  /** `--config FILE`, which has to be there; undefined: the default file, which need not be. */
  readonly config: string | undefined;
  /** Whom the file has to belong to; root but for tests. */
  readonly owner?: number;
}

/** The agent's file, read again whenever it was touched: by every call, so that nobody acts by an older one. */
export function configReader({ config, owner = 0 }: ConfigOptions): () => Promise<Config> {
  const file = config ?? DEFAULT_CONFIG;
  let known: { readonly state: string; readonly read: Promise<Config> } | null = null;
  return async () => {
    try {
      const { text, state } = readConfig(file, owner);
      if (known?.state !== state) known = { state, read: configOf(file, text, config !== undefined) };
      return await known.read;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      known = null;
      return { kind: "invalid", error };
    }
  };
}

/** The file as it is now. */
export async function readConfigOnce(options: ConfigOptions): Promise<Config> {
  return configReader(options)();
}

async function configOf(file: string, text: string | null, isNamed: boolean): Promise<Config> {
  if (text === null) {
    if (!isNamed) return { kind: "policy", policy: DEFAULT_POLICY, file: null };
    const missing = { line: null, key: "", what: "there is no such file" };
    return { kind: "invalid", error: new ConfigError(file, [missing], { code: "missing" }) };
  }
  // Parser and schema are loaded only where there is a file: a scan without one starts faster.
  const parser = await import("./parse.ts");
  try {
    return { kind: "policy", policy: parser.parseConfig(text, file), file };
  } catch (error) {
    if (!(error instanceof parser.ConfigError)) throw error;
    return { kind: "invalid", error };
  }
}
