import type { Scan } from "@afterpatch/core/scan";
import { type Config, DEFAULT_CONFIG } from "./config.ts";

/**
 * What takes away from a scan whatever the agent's file forbids. An invalid file takes nothing away and is told: whoever
 * would act on the scan is refused, and sees why.
 */
export async function narrowing(config: Config): Promise<(scan: Scan) => Scan> {
  if (config.kind === "invalid") {
    const { code, message: why } = config.error;
    const verdict = code === "unreadable" ? "unknown" : "invalid";
    return (scan) => ({ ...scan, config: { verdict, why }, notes: [...scan.notes, invalidNote(config)] });
  }
  // Without a file everything is as the built-in list says, and nothing of this has to be loaded.
  if (config.file === null) return (scan) => scan;
  const { policy } = config;
  const { narrowed } = await import("@afterpatch/core/policy/narrow");
  if (policy.users.protected.length === 0) return (scan) => narrowed(scan, policy);
  const { sessionUsers } = await import("../vetoes/session-users.ts");
  return (scan) => narrowed(scan, policy, sessionUsers(scan));
}

export async function underConfig(scan: Scan, config: Config): Promise<Scan> {
  const narrow = await narrowing(config);
  return narrow(scan);
}

/** Told wherever something is looked at. */
export function invalidNote({ error }: Extract<Config, { kind: "invalid" }>): string {
  if (error.code === "unreadable")
    return `what the agent's file forbids is not known here: ${error.message}; run as root`;
  const check = error.file === DEFAULT_CONFIG ? "" : ` ${error.file}`;
  return `the agent's file is invalid, so nothing is done on this host: ${error.message}; see 'afterpatch-agent config check${check}'`;
}
