import { formatDuration } from "../duration.ts";
import { DEFAULT_POLICY } from "./defaults.ts";
import type { Policy } from "./types.ts";

/** One line for a person: what a policy forbids beyond the defaults. */
export function policySummary(policy: Policy): string {
  const { verbs, units, users, caps, windows, vetoes, applications, hooks, checks } = policy;
  const missing = DEFAULT_POLICY.verbs.filter((verb) => !verbs.includes(verb));
  const hookCount = Object.values(hooks).reduce((sum, list) => sum + list.length, 0);
  const parts = [
    missing.length > 0 ? `never ${missing.join(", ")}` : "",
    listed("protects", units.protected),
    listed("asks for", units.ask),
    listed("keeps sessions of", users.protected),
    windows.length > 0 ? `acts in ${count(windows.length, "window")} only` : "",
    vetoes.usersLoggedIn ? "waits while users are logged in" : "",
    vetoes.inhibitors ? "" : "does not mind inhibitors",
    `${count(caps.reboots, "reboot")} in 24h at most, after ${formatDuration(caps.minimumUptimeMs)}`,
    caps.restartsPerRun === null ? "" : `${count(caps.restartsPerRun, "restart")} in a run at most`,
    caps.restartsPerHour === null ? "" : `${count(caps.restartsPerHour, "restart")} in an hour at most`,
    applications.length > 0 ? count(applications.length, "application rule") : "",
    hookCount > 0 ? count(hookCount, "hook") : "",
    checks.length > 0 ? count(checks.length, "check") : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function listed(what: string, globs: readonly string[]): string {
  const SHOWN = 5;
  if (globs.length === 0) return "";
  const more = globs.length > SHOWN ? ` and ${globs.length - SHOWN} more` : "";
  return `${what} ${globs.slice(0, SHOWN).join(", ")}${more}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
