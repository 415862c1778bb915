import { globMatcher } from "../fleet/glob.ts";
import type { Finding, Remedy, Scan } from "../scan.ts";
import type { Policy } from "./types.ts";

/** Users of all processes of the sessions that the remedy of a finding ends, by the finding's id, where they are known. */
export type SessionUsers = ReadonlyMap<string, readonly string[]>;

/**
 * The scan with `automatic` false wherever the policy forbids the remedy, and why. What was not allowed before stays as
 * it was: a policy never allows anything. Plan, report and digest follow from the scan.
 */
export function narrowed(scan: Scan, policy: Policy, sessionUsers: SessionUsers = new Map()): Scan {
  const ruleFor = rulesOf(policy, sessionUsers);
  const findings = scan.findings.map((finding) => {
    const { remedy } = finding;
    const rule = remedy.automatic || remedy.onRequest ? ruleFor(finding) : null;
    return rule === null ? finding : { ...finding, remedy: forbidden(remedy, rule) };
  });
  return { ...scan, findings: findings.map((finding) => waiting(finding, findings)) };
}

/** What is ended after a restart that is no longer automatic waits for a person with it: its like would come back. */
function waiting(finding: Finding, findings: readonly Finding[]): Finding {
  const { remedy } = finding;
  if (!remedy.automatic || remedy.after === undefined) return finding;
  const first = findings.find(({ remedy: { kind, target } }) => kind === "restart-service" && target === remedy.after);
  if (!first || first.remedy.automatic) return finding;
  const why = `Only on request: ${remedy.after}, of which it is a fork, is not restarted.`;
  return { ...finding, remedy: forbidden(remedy, { policy: "ask", why }) };
}

interface Rule {
  readonly policy: "ask" | "never";
  /** A sentence that names the key of the file. */
  readonly why: string;
}

function forbidden(remedy: Remedy, { policy, why }: Rule): Remedy {
  const { onRequest, ...rest } = remedy;
  // A reboot is ordered by its own name, never by that of a unit; what it is needed for has to be said nevertheless.
  if (remedy.kind === "reboot") return { ...rest, automatic: false, reason: `${why} ${remedy.reason}` };
  if (policy === "never") return { ...rest, automatic: false, reason: why };
  // Only on request already, for a reason of its own.
  if (onRequest) return remedy;
  return { ...rest, automatic: false, onRequest: true, reason: `${why} ${remedy.reason}` };
}

function rulesOf({ verbs, units, users, caps }: Policy, sessionUsers: SessionUsers): (finding: Finding) => Rule | null {
  const allowed: ReadonlySet<string> = new Set(verbs);
  const guarded = units.protected.map((glob) => ({ glob, matches: unitMatcher(glob) }));
  const onRequest = units.ask.map((glob) => ({ glob, matches: unitMatcher(glob) }));
  const spared = users.protected.map((glob) => ({ glob, matches: globMatcher(glob) }));

  return ({ id, remedy: { kind, target, takesAlong = [] }, owner, process }) => {
    const isEnd = kind === "end-session";
    const isReboot = kind === "reboot";
    if (!allowed.has(kind)) {
      const why = `Never: the agent's file leaves ${kind} to a person (verbs: ${verbs.join(", ") || "none"}).`;
      return { policy: "never", why };
    }
    if (isReboot && caps.reboots === 0) {
      return { policy: "never", why: "Never: the agent's file leaves reboot to a person (caps.reboots: 0)." };
    }
    const users = [...(isEnd && process ? [process.user] : []), ...(sessionUsers.get(id) ?? [])];
    const user = users.find((name) => spared.some(({ matches }) => matches(name)));
    const glob = spared.find(({ matches }) => user !== undefined && matches(user))?.glob;
    if (user !== undefined && glob !== undefined) {
      const along = isEnd ? "" : `, and ${isReboot ? "a reboot" : `the restart of ${target}`} would end one`;
      return {
        policy: "never",
        why: `Never: the agent's file keeps the sessions of ${user} (users.protected: ${glob})${along}.`,
      };
    }
    if (isEnd) return null;
    const names = isReboot ? [owner.name] : [target, owner.name, ...takesAlong];
    const first = (rules: typeof guarded) => {
      for (const { glob, matches } of rules) {
        const name = names.find(matches);
        if (name !== undefined) return { glob, name: name === owner.name && !isReboot ? target : name };
      }
      return null;
    };
    const never = first(guarded);
    if (never && isReboot) {
      const why = `Never for its sake: the agent's file protects ${never.name} (units.protected: ${never.glob}).`;
      return { policy: "never", why };
    }
    if (never) {
      const with_ = never.name === target ? "" : `, which would be restarted with ${target}`;
      return {
        policy: "never",
        why: `Never: the agent's file protects ${never.name}${with_} (units.protected: ${never.glob}).`,
      };
    }
    const ask = first(onRequest);
    return ask && { policy: "ask", why: `Only on request: the agent's file says so (units.ask: ${ask.glob}).` };
  };
}

/** `nginx` and `nginx.service` name the same unit, in the file as for systemctl, and with every manager. */
export function unitMatcher(glob: string): (unit: string) => boolean {
  const matches = globMatcher(glob);
  return (unit) => matches(unit) || matches(bare(unit)) || matches(`${bare(unit)}.service`);
}

function bare(unit: string): string {
  return unit.endsWith(".service") ? unit.slice(0, -".service".length) : unit;
}
