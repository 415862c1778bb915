import { constants } from "node:os";
import type { StopRule } from "@afterpatch/core/policy/types";
import { visible } from "@afterpatch/core/text";
import { runProgram } from "../../hooks/program.ts";
import type { ApplicationEvidence, UserInstances } from "../evidence.ts";
import { isRunning, Pinned, type ProcessRef } from "../processes.ts";
import { waitUntil } from "../wait.ts";
import { Forks } from "./instances.ts";

const AFTER_KILL_MS = 5000;
/** What a command of the administrator's told to end has this long for it once the command has ended. */
const AFTER_COMMAND_MS = 10_000;
const POLL_MS = 50;

/** Halts the old instances and what they fork meanwhile, and nobody else. Null, or why some of them still run. */
export async function halt(rule: string, stop: StopRule, { users }: ApplicationEvidence): Promise<string | null> {
  const old = users.flatMap((user) => user.old).filter(isRunning);
  if (old.length === 0) return null;
  const instances = new Instances(old);
  try {
    const why =
      stop.kind === "signal" ? await bySignal(stop, instances) : await byCommand(rule, stop, users, instances);
    const left = instances.alive();
    if (left.length === 0) return null;
    const pids = left.map(({ pid }) => pid).join(", ");
    return `pid ${pids} of ${rule} could not be halted${why === null ? "" : `: ${why}`}`;
  } finally {
    instances.close();
  }
}

/** Old instances, held: none is taken for another process. */
class Instances {
  readonly #held = new Map<number, Pinned>();
  readonly #forks: Forks;

  constructor(old: readonly ProcessRef[]) {
    this.#forks = new Forks(old);
    this.#hold(old);
  }

  alive(): readonly Pinned[] {
    return [...this.#held.values()].filter((process) => process.isAlive());
  }

  /** True when nobody is left, forks of this very moment included. */
  isEmptied(): boolean {
    return this.alive().length === 0 && !this.grow();
  }

  /** True when an instance had forked since. */
  grow(): boolean {
    return this.#hold(this.#forks.now(new Set(this.#held.keys())));
  }

  close(): void {
    for (const process of this.#held.values()) process.close();
  }

  #hold(processes: readonly ProcessRef[]): boolean {
    const pinned = processes.flatMap((process) => Pinned.open(process) ?? []);
    for (const process of pinned) this.#held.set(process.pid, process);
    return pinned.length > 0;
  }
}

async function bySignal(
  { signal, graceMs }: Extract<StopRule, { kind: "signal" }>,
  instances: Instances,
): Promise<string | null> {
  const told = new Set<Pinned>();
  const tell = () => {
    for (const process of instances.alive()) {
      if (told.has(process)) continue;
      told.add(process);
      process.signal(constants.signals[`SIG${signal}`]);
    }
  };
  instances.grow();
  tell();
  const isOver = () => {
    if (instances.isEmptied()) return true;
    tell();
    return false;
  };
  if (await waitUntil(isOver, graceMs, POLL_MS)) return null;
  // Twice: a process may fork between being found and being killed.
  for (let round = 0; round < 2; round++) {
    instances.grow();
    for (const process of instances.alive()) process.signal("SIGKILL");
    await waitUntil(() => instances.alive().length === 0, AFTER_KILL_MS, POLL_MS);
  }
  return null;
}

/** The administrator's own program decides how; it is told whom. As each user that ran some, unless the rule names one. */
async function byCommand(
  rule: string,
  { command, timeoutMs, user }: Extract<StopRule, { kind: "command" }>,
  users: readonly UserInstances[],
  instances: Instances,
): Promise<string | null> {
  const parts = user === null ? users : [{ user, old: users.flatMap(({ old }) => old) }];
  const failed: string[] = [];
  for (const part of parts) {
    const pids = part.old.filter(isRunning).map(({ pid }) => pid);
    if (pids.length === 0) continue;
    const program = { name: rule, command, timeoutMs, user: part.user };
    const why = await runProgram(program, {
      variables: { AFTERPATCH_NAME: rule, AFTERPATCH_MOMENT: "stop", AFTERPATCH_PIDS: pids.join(" ") },
    });
    if (why !== null) failed.push(`${visible(command[0])} ${why}`);
  }
  await waitUntil(() => instances.isEmptied(), failed.length > 0 ? 0 : AFTER_COMMAND_MS, POLL_MS);
  return failed.length > 0 ? failed.join("; ") : `${visible(command[0])} ended, and they did not`;
}
