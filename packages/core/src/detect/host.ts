import type { HostFacts, ProcessFacts } from "../facts.ts";
import type { UnitFacts } from "../systemd/show.ts";

/** Facts with the look-ups that every process needs. */
export interface HostIndex {
  readonly facts: HostFacts;
  readonly byPid: ReadonlyMap<number, ProcessFacts>;
  readonly units: ReadonlyMap<string, UnitFacts>;
}

export function indexOf(facts: HostFacts): HostIndex {
  return {
    facts,
    byPid: new Map(facts.running.map((process) => [process.pid, process])),
    units: new Map((facts.units ?? []).map((unit) => [unit.id, unit])),
  };
}

/** The process and its ancestors, nearest first, as far as they were read. */
export function lineage(process: ProcessFacts, { byPid }: HostIndex): readonly ProcessFacts[] {
  const line: ProcessFacts[] = [];
  let next: ProcessFacts | undefined = process;
  // Ancestors were read one after the other: a reused pid could close a circle.
  while (next && !line.includes(next)) {
    line.push(next);
    next = byPid.get(next.ppid);
  }
  return line;
}
