import { fileVerdict } from "../detect/verdict.ts";
import type { Content, FileFacts, HostFacts, ProcessFacts } from "../facts.ts";
import type { FoundPackage, Verdict } from "../scan.ts";
import { visible } from "../text.ts";

/** Which copy of a file a process has mapped. */
export type CopyWord = "old" | "new" | "unknown";

/** What is known of one mapped copy of a file. */
export interface CopyEvidence {
  readonly copy: CopyWord;
  /** Null: it is the very file that its path names now. */
  readonly verdict: Verdict | null;
  readonly buildId: { readonly mapped: string | null; readonly onDisk: string | null };
  readonly package: FoundPackage | null;
  /** Why it is not known which copy it is, else null. */
  readonly why: string | null;
}

/**
 * What the copy at `path` is to `process`. `compared` is the copy against its path, null where both are one file; what
 * the scan knows of the process and that file beyond it (package, written in place) is taken from `facts`.
 */
export function copyEvidence(
  path: string,
  compared: FileFacts | null,
  mappedId: string | null,
  process: ProcessFacts,
  facts: HostFacts,
): CopyEvidence {
  const scanned = process.files.flatMap((index) => facts.files[index] ?? []).filter((file) => file.path === path);
  const found = scanned.find((file) => (compared === null ? isSameFile(file, mappedId) : isSame(file, compared)));
  const file = found ?? compared;
  if (file === null) {
    return { copy: "new", verdict: null, buildId: { mapped: mappedId, onDisk: mappedId }, package: null, why: null };
  }
  const verdict = fileVerdict(file);
  return {
    copy: copyOf(verdict),
    verdict,
    buildId: { mapped: idOf(file.mapped) ?? mappedId, onDisk: idOf(file.onDisk) },
    package: shown(file.package),
    why: whyUnknown(file, verdict),
  };
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

function isSame(a: FileFacts, b: FileFacts): boolean {
  return JSON.stringify(a.mapped) === JSON.stringify(b.mapped) && JSON.stringify(a.onDisk) === JSON.stringify(b.onDisk);
}

/** The scan judged the very file on disk: it was written to after it was mapped. */
function isSameFile(file: FileFacts, mappedId: string | null): boolean {
  return fileVerdict(file) === "modified-in-place" && (idOf(file.onDisk) === null || idOf(file.onDisk) === mappedId);
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
