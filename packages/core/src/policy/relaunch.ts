import { formatDuration } from "../duration.ts";
import { globMatcher } from "../fleet/glob.ts";
import type { Finding, Remedy, Scan } from "../scan.ts";
import { visible } from "../text.ts";
import { unitMatcher } from "./narrow.ts";
import type { ApplicationRule } from "./types.ts";

/** The unit in whose control group the process of a finding is, by the finding's id, where there is one. */
export type UnitsOfFindings = ReadonlyMap<string, string>;

/**
 * The scan with `relaunch-application` wherever a rule of the agent's file says how to halt and launch what runs old
 * code. The rules are the host's own and widen nothing else: what a manager or super-server keeps is never
 * theirs, nor is what is not known to be old; containers have rules of their own (`match.container`). The target is the rule's name, so that one step takes all of one rule.
 */
export function relaunched(scan: Scan, rules: readonly ApplicationRule[], units: UnitsOfFindings = new Map()): Scan {
  if (rules.length === 0) return scan;
  const matchers = rules.map((rule) => ({ rule, matches: ruleMatcher(rule, units) }));
  const findings = scan.findings.map((finding) => {
    if (!isForRules(finding)) return finding;
    const first = matchers.find(({ matches }) => matches(finding));
    return first ? { ...finding, remedy: remedyBy(first.rule) } : finding;
  });
  return { ...scan, findings };
}

/** Nobody but a person would relaunch it. */
export function isForRules({ owner, verdict, remedy, process }: Finding): boolean {
  const isUnmanaged = owner.kind === "application" || owner.kind === "user-session" || owner.kind === "container";
  return isUnmanaged && remedy.kind === "none" && process !== null && verdict !== "unknown" && verdict !== "identical";
}

function ruleMatcher({ match }: ApplicationRule, units: UnitsOfFindings): (finding: Finding) => boolean {
  const { user } = match;
  const isProgram = match.executable === null ? () => true : globMatcher(match.executable);
  const isUnit = match.unit === null ? null : unitMatcher(match.unit);
  const isContainer = match.container === null ? null : containerMatcher(match.container);
  return ({ id, process, owner }) => {
    if ((owner.kind === "container") !== (isContainer !== null) || isContainer?.(owner.name) === false) return false;
    if (process === null || !isProgram(process.executable)) return false;
    if (user !== null && process.user !== visible(user)) return false;
    const unit = units.get(id);
    return isUnit === null || (unit !== undefined && isUnit(unit));
  };
}

/** `web` and `podman:web` name the same container. */
function containerMatcher(glob: string): (name: string) => boolean {
  const matches = globMatcher(glob);
  return (name) => matches(name) || matches(name.slice(name.indexOf(":") + 1));
}

function remedyBy({ name, stop, start }: ApplicationRule): Remedy {
  const halted =
    stop.kind === "signal"
      ? `halted by ${stop.signal}, after ${formatDuration(stop.graceMs)} by KILL`
      : `halted by ${visible(stop.command[0])}`;
  const launched =
    start.kind === "none"
      ? "whatever supervises it starts it again"
      : `launched again by ${visible(start.command[0])} as ${start.user === null ? "whoever ran it" : visible(start.user)}`;
  const reason = `The rule ${name} of the agent's file says how: ${halted}, ${launched}.`;
  return { kind: "relaunch-application", target: name, automatic: true, reason };
}
