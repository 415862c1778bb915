import { userInfo } from "node:os";
import { dirname } from "node:path";
import type { Baseline } from "@afterpatch/core/rollout/care";
import type { ChoreResult } from "@afterpatch/core/rollout/chores";
import type { CheckSpec, HookSpec, Probe } from "@afterpatch/core/rollout-file/spec";
import { type Account, runProgram } from "@afterpatch/programs/run";
import type { Care, ChoreTask } from "../rollouts/chores.ts";
import { runChecks } from "./checks.ts";
import { differences } from "./baseline.ts";
import { type Held, httpProbe, tcpProbe } from "./network.ts";
import { prometheusProbe } from "./prometheus.ts";

/** What is asked of a host's own agent. A string says why there is no answer. */
export interface AsksHost {
  unit(hostId: string, unit: string, signal: AbortSignal): Promise<Held>;
  check(hostId: string, check: string, timeoutMs: number, signal: AbortSignal): Promise<Held>;
  snapshot(hostId: string, signal: AbortSignal): Promise<Baseline | string>;
}

export interface CareDeps {
  readonly agents: AsksHost;
  /** The only directory whose programs are run on this machine, absolute. */
  readonly hooksDir: string;
}

const SNAPSHOT_MS = 60_000;

/** Checks and hooks as the controller's machine carries them out. */
export function careOnThisMachine(deps: CareDeps): Care {
  return {
    carryOut: async (task, signal) => {
      const { chore } = task;
      if (chore.kind === "hook") return { why: await runHook(deps, task, chore.hook, signal), baseline: null };
      const ask = (check: CheckSpec, within: AbortSignal) => probe(deps, task, check, chore.baseline, within);
      const leads = chore.leader === null ? null : await mayLead(deps, task, chore.leader, signal);
      if (leads !== null) return { ...leads, baseline: null };
      const why = await runChecks(chore.checks, ask, signal);
      return why === null && chore.notes ? noted(deps, task, signal) : { why, baseline: null };
    },
  };
}

const LEADER_MS = 30_000;

/** The check ends with 0 on the leader, with 1 elsewhere; anything else tells nothing, and then others come first, too. */
async function mayLead({ agents }: CareDeps, { host }: ChoreTask, check: string, signal: AbortSignal) {
  const within = AbortSignal.any([signal, AbortSignal.timeout(LEADER_MS)]);
  const why = await agents.check(host.hostId, check, LEADER_MS, within);
  if (why === null) {
    return { why: `it leads (check ${check}), and others of its wave come first`, comesLast: "leads" } as const;
  }
  if (/^exited 1(?::|$)/.test(why)) return null;
  return { why: `whether it leads cannot be told: check ${check}: ${why}`, comesLast: "unknown" } as const;
}

async function noted({ agents }: CareDeps, { host }: ChoreTask, signal: AbortSignal): Promise<ChoreResult> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(SNAPSHOT_MS)]);
  const snapshot = await agents.snapshot(host.hostId, within);
  return typeof snapshot === "string"
    ? { why: `baseline: ${snapshot}`, baseline: null }
    : { why: null, baseline: snapshot };
}

async function probe(
  deps: CareDeps,
  { rolloutId, host }: ChoreTask,
  check: CheckSpec,
  baseline: Baseline | null,
  signal: AbortSignal,
): Promise<Held> {
  const asked = check.probe;
  switch (asked.kind) {
    case "tcp":
      return tcpProbe(meant(asked.host, host.name), asked.port, signal);
    case "http":
      return httpProbe({ ...asked, url: meant(asked.url, host.name) }, signal);
    case "prometheus":
      return prometheusProbe({ ...asked, query: meant(asked.query, host.name) }, signal);
    case "unit":
      return deps.agents.unit(host.hostId, asked.unit, signal);
    case "check":
      return deps.agents.check(host.hostId, asked.check, check.timeoutMs, signal);
    case "command":
      return command(deps, asked, { host: host.name, rollout: rolloutId, timeoutMs: check.timeoutMs }, signal);
    case "baseline": {
      const now = await deps.agents.snapshot(host.hostId, signal);
      return typeof now === "string" ? now : differences(baseline, now, asked);
    }
  }
}

function runHook(deps: CareDeps, { rolloutId, host }: ChoreTask, hook: HookSpec, signal: AbortSignal): Promise<Held> {
  return command(deps, hook, { host: host.name, rollout: rolloutId, timeoutMs: hook.timeoutMs }, signal);
}

interface Named {
  readonly host: string;
  readonly rollout: string;
  readonly timeoutMs: number;
}

async function command(
  { hooksDir }: CareDeps,
  { command: [file, ...args] }: Pick<HookSpec, "command"> | Extract<Probe, { kind: "command" }>,
  { host, rollout, timeoutMs }: Named,
  signal: AbortSignal,
): Promise<Held> {
  // Looked at when the rollout was ordered, and again now: the file may have come from a store of another machine.
  const why = notOurs(file, hooksDir);
  if (why !== null) return why;
  return runProgram({
    command: [file, ...args.map((arg) => meant(arg, host))],
    account: ownAccount(),
    timeoutMs,
    variables: { AFTERPATCH_HOST: host, AFTERPATCH_ROLLOUT: rollout },
    signal,
  });
}

/** Why a program is none that operators may have run on the controller's machine, or null. */
export function notOurs(file: string, hooksDir: string): string | null {
  return dirname(file) === hooksDir ? null : `${file} is not in ${hooksDir}, from where alone programs are run`;
}

function ownAccount(): Account {
  const { username, uid, gid, homedir } = userInfo();
  return { user: username, uid, gid, home: homedir };
}

function meant(text: string, host: string): string {
  return text.replaceAll("{host}", host);
}
