import { fileVerdict } from "../detect/verdict.ts";
import type { Content, FileFacts, HostFacts, ProcessFacts } from "../facts.ts";
import type { FoundPackage, Verdict } from "../scan.ts";
import { visible } from "../text.ts";

/** Which copy of a file a process has mapped. */
export type CopyWord = "old" | "new" | "unknown";

/** A mapped file against what its path names now: that very file, another one or none, or it could not be told. */
export type Standing = "on-disk" | "other" | "untold";

/** What is known of one mapped copy of a file. */
export interface CopyEvidence {
  readonly copy: CopyWord;
  /** Null: it is the very file that its path names now, or nothing is known (then `copy` is unknown). */
  readonly verdict: Verdict | null;
  readonly buildId: { readonly mapped: string | null; readonly onDisk: string | null };
  readonly package: FoundPackage | null;
  /** Why it is not known which copy it is, else null. */
  readonly why: string | null;
}

export interface MappedCopy {
  readonly path: string;
  readonly standing: Standing;
  /** Build-id of the mapped file. */
  readonly buildId: string | null;
}

/** What one mapped copy is to `process`, by what the scan says of the files of that process. */
export function copyEvidence(copy: MappedCopy, process: ProcessFacts, facts: HostFacts): CopyEvidence {
  const scanned = process.files.flatMap((index) => facts.files[index] ?? []);
  const file = judgedFile(copy, scanned);
  const { buildId } = copy;
  if (file === null && copy.standing === "on-disk") {
    return { copy: "new", verdict: null, buildId: { mapped: buildId, onDisk: buildId }, package: null, why: null };
  }
  if (file === null) {
    const why =
      copy.standing === "other" ? "it is not the file on the disk, and was not compared" : "it cannot be reached";
    return { copy: "unknown", verdict: null, buildId: { mapped: buildId, onDisk: null }, package: null, why };
  }
  const verdict = fileVerdict(file);
  return {
    copy: copyOf(verdict),
    verdict,
    buildId: { mapped: idOf(file.mapped) ?? buildId, onDisk: idOf(file.onDisk) },
    package: shown(file.package),
    why: whyUnknown(file, verdict),
  };
}

function judgedFile({ path, standing, buildId }: MappedCopy, scanned: readonly FileFacts[]): FileFacts | null {
  // The file on disk may be old all the same: written to in place, or loaded by a name that leads elsewhere now.
  if (standing === "on-disk") {
    const inPlace = (file: FileFacts) => file.path === path && fileVerdict(file) === "modified-in-place";
    return scanned.find((file) => file.mappedPath === path || inPlace(file)) ?? null;
  }
  const candidates = scanned.filter((file) => file.path === path && file.mappedPath === undefined);
  const sameId = candidates.find(({ mapped }) => buildId !== null && idOf(mapped) === buildId);
  return sameId ?? candidates.find(({ mapped }) => idOf(mapped) === null) ?? null;
}

/** Of several files of one process, its verdict's word: the file on disk and a copy with the same content are new. */
export function copyOf(verdict: Verdict | null): CopyWord {
  switch (verdict) {
    case null:
    case "identical":
      return "new";
    case "unknown":
      return "unknown";
    case "replaced":
    case "removed":
    case "modified-in-place":
    case "suspected":
      return "old";
  }
}

function idOf(content: Content): string | null {
  return content.kind === "build-id" ? content.hex : null;
}

function whyUnknown({ mapped, onDisk }: FileFacts, verdict: Verdict): string | null {
  if (verdict !== "unknown") return null;
  const side = [mapped, onDisk].find(({ kind }) => kind === "unreadable");
  return side?.kind === "unreadable" ? visible(side.why) : null;
}

function shown(found: FoundPackage | undefined): FoundPackage | null {
  if (found === undefined) return null;
  const { name, from, to, installedAt } = found;
  return { name: visible(name), from: from && visible(from), to: to && visible(to), installedAt };
}
