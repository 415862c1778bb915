import { readingsOf } from "@afterpatch/core/proc/maps";
import { textOfBytes } from "@afterpatch/core/text";
import type { FoundFile } from "@afterpatch/core/scan";
import type { Task } from "../host/processes.ts";
import type { Copy } from "./copies.ts";
import type { Look } from "./host.ts";

/** A file of an interpreted program, and the processes that have read it. */
export interface InterpretedCopy extends Copy {
  readonly kind: Extract<FoundFile["kind"], "script" | "archive">;
}

/**
 * Files of interpreted programs whose path is wanted, printed as maps would: what their processes have loaded by name,
 * and what a scan found of them although the program does not lead there any more.
 */
export function interpretedCopies(
  { interpreted, facts }: Look,
  wanted: (printed: string) => boolean,
  isAsked: (task: Task) => boolean = () => true,
): readonly InterpretedCopy[] {
  const judged = new Map(
    facts.running.map(({ pid, files }) => [
      pid,
      files.flatMap((index) => facts.files[index] ?? []).filter(({ role }) => role !== undefined),
    ]),
  );
  const found = new Map<string, InterpretedCopy & { readonly holders: Task[] }>();
  const add = (printed: string, kind: InterpretedCopy["kind"], task: Task, isOnDisk: boolean) => {
    const standing = isOnDisk ? "on-disk" : "other";
    const key = `${standing} ${printed}`;
    const known = found.get(key);
    if (known) known.holders.push(task);
    else found.set(key, { path: textOfBytes(printed), printed, kind, standing, buildId: null, holders: [task] });
  };
  for (const { running, files } of interpreted) {
    const { task, tree } = running;
    if (!isAsked(task)) continue;
    const differing = judged.get(task.pid) ?? [];
    const paths = new Set(differing.map(({ path }) => path));
    for (const { path, role } of files.files) {
      const printed = tree.root + path;
      if (!paths.has(textOfBytes(printed)) && wanted(printed)) add(printed, role, task, true);
    }
    for (const { path, role } of differing) {
      const printed = Buffer.from(path, "utf8").toString("latin1"); // what was escaped in it names nothing
      if (role !== undefined && wanted(printed)) add(printed, role, task, false);
    }
  }
  return [...found.values()];
}

/** Paths of all of them, as their processes print them. */
export function interpretedPaths({ interpreted }: Pick<Look, "interpreted">): readonly string[] {
  return interpreted.flatMap(({ running, files }) => files.files.map(({ path }) => running.tree.root + path));
}

/** A path without what the kernel adds to it. */
export function plainPath(printed: string): string {
  const { literal, deleted } = readingsOf(printed);
  return deleted[0] ?? literal[0];
}
