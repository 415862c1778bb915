import { type BigIntStats, statSync } from "node:fs";
import { type Mapping, readingsOf } from "@afterpatch/core/proc/maps";
import { isRemote } from "@afterpatch/core/proc/mountinfo";
import { textOfBytes } from "@afterpatch/core/text";
import type { Standing } from "@afterpatch/core/users/copy";
import type { MappedFile, ProcessTable, Task } from "../host/processes.ts";
import { codeOf } from "../host/read.ts";
import { find, type View } from "../host/view.ts";
import { viewsOf } from "../host/views.ts";
import { buildIdOfMapped } from "./build-id.ts";

/** One copy of a file whose code processes have mapped: two copies of one path are two of these. */
export interface Copy {
  /** As the processes see it, without the kernel's ` (deleted)`. */
  readonly path: string;
  /** As printed in maps, one byte per character. */
  readonly printed: string;
  readonly holders: readonly Task[];
  readonly standing: Standing;
  /** Of the mapped copy; null where it has none or could not be read. */
  readonly buildId: string | null;
}

/** Copies of the files whose printed path is wanted, and which a process that `isAsked` has mapped for execution. */
export function copiesOf(
  { places }: ProcessTable,
  wanted: (printed: string) => boolean,
  isAsked: (task: Task) => boolean = () => true,
): readonly Copy[] {
  const views = viewsOf(places);
  return places.flatMap((place) =>
    [...place.files.values()].flatMap((file) => {
      const holders = file.holders.filter(isAsked);
      if (holders.length === 0 || !wanted(file.mapping.path)) return [];
      return [{ printed: file.mapping.path, holders, ...stand(file, views.get(place) ?? null) }];
    }),
  );
}

/** Whether the mapped file is the one that its path names now. The handle of a file on a dead server would not answer. */
function stand(file: MappedFile, view: View | null): Pick<Copy, "path" | "standing" | "buildId"> {
  const { literal, deleted } = readingsOf(file.mapping.path);
  const plain = textOfBytes(deleted[0] ?? literal[0]);
  const mount = view?.mounts.find(({ device }) => device === file.mapping.device);
  if (view === null || (mount && isRemote(mount.type))) return { path: plain, standing: "untold", buildId: null };
  const [holder] = file.holders;
  const handle = holder ? statOf(`${holder.proc}/map_files/${file.mapping.range}`) : null;
  const named = [...literal, ...deleted].map((name) => ({ name, found: find(name, view) }));
  const same = named.find(({ found }) => found.kind === "found" && isSame(found.stat, handle, file.mapping));
  const buildId = buildIdOfMapped(file.mapping, file.holders);
  if (same) return { path: textOfBytes(same.name), standing: "on-disk", buildId };
  const candidates = deleted.length > 0 ? named.slice(literal.length) : named;
  const now = candidates.find(({ found }) => found.kind !== "missing");
  const standing = now?.found.kind === "unreadable" ? "untold" : "other";
  return { path: now ? textOfBytes(now.name) : plain, standing, buildId };
}

/** Without the right to follow the handle only the inode counts: devices in maps are not those of stat everywhere. */
function isSame(onDisk: BigIntStats, handle: BigIntStats | null, mapping: Mapping): boolean {
  return handle === null
    ? onDisk.ino === BigInt(mapping.inode)
    : onDisk.ino === handle.ino && onDisk.dev === handle.dev;
}

function statOf(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    codeOf(error);
    return null;
  }
}
