import type { ContainerName, FileFacts } from "@afterpatch/core/facts";
import type { ProcessTable, Task } from "../processes.ts";
import type { EnginesAsked } from "./engines.ts";
import { type ContainerHolder, heldBy, holdersIn } from "./holders.ts";
import { readStored } from "./storage.ts";

/** What there is to say of the containers of a host. */
export interface ContainersRead {
  readonly names: readonly ContainerName[];
  /** Images that are not, or may not be, what their names mean now, and each container's first process. */
  readonly images: readonly { readonly task: Task; readonly file: FileFacts }[];
  /** Whatever could not be learnt, one sentence for each engine and reason. */
  readonly notes: readonly string[];
}

/** The containers that run: podman's by its storage, Docker's by what it answered; `asked` null: nobody asked it. */
export function readContainers(table: ProcessTable, asked: EnginesAsked | null): ContainersRead {
  const holders = holdersIn(table);
  const answers = asked?.answers ?? [];
  const names = new Map(answers.flatMap(({ containers }) => containers.map((one) => [one.id, one] as const)));
  const images = inTable(
    answers.flatMap(({ old }) => old),
    table,
  );
  const unknown: [engine: string, why: string][] = [...(asked?.failed ?? [])];
  const ofRoot = holders.filter(({ engine, isRoot }) => engine === "podman" && isRoot);
  const stored = readStored(ofRoot);
  for (const holder of holders) {
    if (names.has(holder.id)) continue;
    const known = stored.get(holder.id) ?? whyUnknown(holder, asked);
    if (known === null) continue;
    if (typeof known === "string") {
      unknown.push([holder.engine, known]);
      continue;
    }
    const { engine, id, name } = known.container;
    names.set(id, { engine, id, name });
    const task = known.file && heldBy(holder, table);
    if (known.file && task) images.push({ task, file: known.file });
  }
  return { names: [...names.values()], images, notes: notesOf(unknown) };
}

/** The same processes as when the engine named them. */
function inTable(
  old: EnginesAsked["answers"][number]["old"],
  { places }: ProcessTable,
): ContainersRead["images"][number][] {
  if (old.length === 0) return [];
  const tasks = new Map(places.flatMap((place) => place.tasks.map((task) => [task.pid, task] as const)));
  return old.flatMap(({ pid, startTicks, file }) => {
    const task = tasks.get(pid);
    return task?.stat.startTicks === startTicks ? [{ task, file }] : [];
  });
}

/** Null: said already. */
function whyUnknown({ engine, isRoot }: ContainerHolder, asked: EnginesAsked | null): string | null {
  if (engine === "podman")
    return isRoot ? "its conmon ended" : "its conmon is not root's, and files of users are not read for this";
  if (engine === "docker" && asked?.failed.has(engine)) return null;
  return engine === "docker"
    ? "Docker was not asked, or does not list it"
    : "containerd keeps this in no form that is read";
}

function notesOf(unknown: readonly (readonly [engine: string, why: string])[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const [engine, why] of unknown) counts.set(`${engine}: ${why}`, (counts.get(`${engine}: ${why}`) ?? 0) + 1);
  return [...counts].map(([what, count]) => {
    const times = count > 1 ? ` (${count} containers)` : "";
    return `whether containers run what the names of their images mean now: ${what}${times}`;
  });
}
