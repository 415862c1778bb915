import { globMatcher } from "../fleet/glob.ts";
import type { Finding, Remedy, Scan } from "../scan.ts";
import type { Policy, Verb } from "./types.ts";

export interface Asked {
  /** Units that a person named on this host. Never filled from what a controller sent. */
  readonly units?: readonly string[];
  /** Users of all processes of the session that a finding's process belongs to, by the finding's id, where they are known. */
  readonly sessionUsers?: ReadonlyMap<string, readonly string[]>;
}

/**
 * The scan with `automatic` false wherever the policy forbids the remedy, and why. What was false before stays as it
 * was: a policy never allows anything. Plan, report and digest follow from the scan.
 */
export function narrowed(scan: Scan, policy: Policy, asked: Asked = {}): Scan {
  const rules = rulesOf(policy, asked);
  const findings = scan.findings.map((finding) => {
    const reason = finding.remedy.automatic ? rules(finding) : null;
    return reason === null ? finding : { ...finding, remedy: { ...finding.remedy, automatic: false, reason } };
  });
  return { ...scan, findings };
}

/** Why a finding's remedy is not automatic by the policy, one sentence that names the rule; null: it may be. */
function rulesOf({ verbs, units, users }: Policy, asked: Asked): (finding: Finding) => string | null {
  const allowed: ReadonlySet<string> = new Set(verbs);
  const isNamed = new Set((asked.units ?? []).map(bare));
  const guarded = units.protected.map((glob) => ({ glob, matches: unitMatcher(glob) }));
  const onRequest = units.ask.map((glob) => ({ glob, matches: unitMatcher(glob) }));
  const spared = users.protected.map((glob) => ({ glob, matches: globMatcher(glob) }));

  return ({ id, remedy, owner, process }) => {
    if (!allowed.has(remedy.kind)) {
      return `Not allowed by the agent's file: ${remedy.kind} is not among its verbs (verbs: ${verbs.join(", ") || "none"}).`;
    }
    if (remedy.kind === "end-session") {
      const names = [process?.user ?? "", ...(asked.sessionUsers?.get(id) ?? [])];
      for (const { glob, matches } of spared) {
        const user = names.find(matches);
        if (user !== undefined)
          return `Never: the agent's file keeps the sessions of ${user} (users.protected: ${glob}).`;
      }
      return null;
    }
    if (!ofUnits(remedy)) return null;
    const names = [remedy.target, owner.name];
    const never = guarded.find(({ matches }) => names.some(matches));
    if (never) return `Never: the agent's file protects ${remedy.target} (units.protected: ${never.glob}).`;
    const ask = onRequest.find(({ matches }) => names.some(matches));
    if (!ask || isNamed.has(bare(remedy.target))) return null;
    return `Only on request: the agent's file wants ${remedy.target} to be named, as in apply --unit ${remedy.target} (units.ask: ${ask.glob}).`;
  };
}

/** Which of a policy's rules are about units. PID 1 goes by the name of its owner, `systemd` or `init`. */
function ofUnits({ kind }: Remedy): boolean {
  const verbs: readonly Verb[] = ["restart-service", "reload", "reexec", "restart-container", "relaunch-application"];
  return verbs.some((verb) => verb === kind);
}

/** `nginx` and `nginx.service` name the same unit, in the file as for systemctl, and with every manager. */
export function unitMatcher(glob: string): (unit: string) => boolean {
  const matches = globMatcher(glob);
  return (unit) => matches(unit) || matches(bare(unit)) || matches(`${bare(unit)}.service`);
}

function bare(unit: string): string {
  return unit.endsWith(".service") ? unit.slice(0, -".service".length) : unit;
}
