import type { Policy } from "@afterpatch/core/policy/types";
import type { Scan } from "@afterpatch/core/scan";
import { type Config, DEFAULT_CONFIG } from "./config.ts";

/**
 * What puts the application rules of the agent's file into a scan, and takes away whatever the file forbids. An invalid
 * file does neither and is told: whoever would act on the scan is refused, and sees why.
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
  const ruled = await applicationRules(policy);
  if (policy.users.protected.length === 0) return (scan) => narrowed(ruled(scan), policy);
  const { sessionUsers } = await import("../vetoes/session-users.ts");
  return (scan) => narrowed(ruled(scan), policy, sessionUsers(scan));
}

async function applicationRules({ applications }: Policy): Promise<(scan: Scan) => Scan> {
  if (applications.length === 0) return (scan) => scan;
  const { relaunched } = await import("@afterpatch/core/policy/relaunch");
  if (applications.every(({ match }) => match.unit === null)) return (scan) => relaunched(scan, applications);
  const { unitsOf } = await import("../effects/application/units.ts");
  return (scan) => relaunched(scan, applications, unitsOf(scan));
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
