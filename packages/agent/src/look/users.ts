import { lstatSync } from "node:fs";
import { CommandError } from "@afterpatch/core/command-error";
import { indexOf } from "@afterpatch/core/detect/host";
import { EXIT } from "@afterpatch/core/exit";
import { isGlob } from "@afterpatch/core/fleet/glob";
import type { FoundFile, Owner, ProcessIdentity, Scan } from "@afterpatch/core/scan";
import { textOfBytes, visible } from "@afterpatch/core/text";
import { type CopyEvidence, copyEvidence } from "@afterpatch/core/users/copy";
import { aliases, nearestPaths, type Pattern, patternMatcher } from "@afterpatch/core/users/patterns";
import { HOST_DATABASES } from "../host/packages/ask.ts";
import { readLink } from "../host/read.ts";
import type { ScanOptions } from "../host/scan.ts";
import { find, viewOf } from "../host/view.ts";
import { type Copy, copiesOf } from "./copies.ts";
import { type Fix, fixesOnHost, fixOf, type HasFix, kernelHas, versionHas } from "./fixes.ts";
import { type Look, lookAtHost } from "./host.ts";
import { packageMatcher, packagesInUse } from "./package.ts";
import { type InterpretedCopy, interpretedCopies, interpretedPaths, plainPath } from "./interpreted.ts";
import { type DocumentHost, documentHost, identityOf, shownOwner } from "./process.ts";

/** One copy of a file that one process has mapped, or has read as an interpreter. */
export interface FileUser {
  readonly process: ProcessIdentity;
  readonly owner: Owner;
  readonly file: CopyEvidence & {
    readonly path: string;
    readonly kind: FoundFile["kind"];
    /** Whether this copy has the fix of the CVE that was asked for; null: none was. */
    readonly fix: HasFix | null;
  };
}

/** The document `afterpatch.users/v1`. */
export interface UsersDocument {
  readonly schema: "afterpatch.users/v1";
  readonly host: DocumentHost;
  readonly startedAt: number;
  readonly elapsedMs: number;
  readonly processes: Scan["processes"];
  readonly asked: Required<Asked>;
  /** By path, then old, unknown, new, then pid. */
  readonly users: readonly FileUser[];
  /** Files that were asked for by name, are on the disk, and that no readable process has mapped. */
  readonly unmapped: readonly string[];
  /** Installed packages whose changelogs name the CVE that was asked for. */
  readonly fixes: readonly Omit<Fix, "order">[];
  /** Whether the running kernel has that fix; null: it is not one of the kernel. */
  readonly kernelFix: HasFix | null;
  /** May have them mapped too: it is not known. */
  readonly unreadable: Scan["unreadable"];
}

/** What was asked for: paths and globs, a package, or what fixed a CVE. */
export interface Asked {
  readonly paths: readonly string[];
  readonly package: string | null;
  readonly cve?: string | null;
}

/** Who has the files mapped that are asked for. A name that nothing matches is an error with exit code 6. */
export function usersOf(asked: Asked, options: ScanOptions): UsersDocument {
  if (typeof asked.cve === "string") return usersOfCve(asked, asked.cve, options);
  const look = lookAtHost(options);
  const patterns = asked.paths.map(patternOf);
  const matching = patternMatcher(patterns, mergedFolders());
  const isOfPackage = asked.package === null ? () => false : packageMatcher(asked.package, look);
  const isWanted = (printed: string) => matching(printed).length > 0 || isOfPackage(printed);
  const copies = [...copiesOf(look.table, isWanted), ...interpretedCopies(look, isWanted)];
  const matched = new Set(copies.flatMap(({ printed }) => matching(printed)));
  const missing = patterns.filter((pattern) => !matched.has(pattern));
  const absent = missing.find(({ typed }) => copies.length === 0 || isGlob(typed) || !isFile(typed));
  if (absent) throw notMapped(absent.typed, look);
  return documentOf(asked, { copies, missing, fixes: [] }, look, options.now);
}

/** Of every package that fixed it. What no changelog of this host names is an error with exit code 6: nobody knows. */
function usersOfCve(asked: Asked, cve: string, options: ScanOptions): UsersDocument {
  const { fixes, untold } = fixesOnHost(cve, options.databases ?? HOST_DATABASES);
  if (fixes.length === 0) throw notFixed(cve, untold);
  const look = lookAtHost(options);
  const isOf = packagesInUse(look).matches((shown) => fixOf(shown, fixes) !== null);
  const copies = isOf === null ? [] : [...copiesOf(look.table, isOf), ...interpretedCopies(look, isOf)];
  return documentOf(asked, { copies, missing: [], fixes }, look, options.now);
}

export function notFixed(cve: string, untold: number): CommandError {
  const unread = untold > 0 ? ` (${untold} packages have none that can be read)` : "";
  const why = `no changelog of a package on this host names it${unread}: the fix is not installed, or concerns nothing here`;
  const todo = "look up the package in its advisory, then who runs it: afterpatch-agent users --package NAME";
  return new CommandError(EXIT.selection, cve, why, todo);
}

/** What is shown, and by what. */
interface Matched {
  readonly copies: readonly (Copy | InterpretedCopy)[];
  readonly missing: readonly Pattern[];
  readonly fixes: readonly Fix[];
}

function documentOf(
  asked: Asked,
  { copies, missing, fixes }: Matched,
  { facts }: Look,
  now: () => number,
): UsersDocument {
  const host = indexOf(facts);
  const users = copies.flatMap((copy) =>
    copy.holders.flatMap(({ pid }): readonly FileUser[] => {
      const process = host.byPid.get(pid);
      if (!process) return []; // it ended
      const evidence = copyEvidence(copy, process, facts);
      const mapped = copy.path === process.executable ? "executable" : "library";
      const kind = "kind" in copy ? copy.kind : mapped;
      const fix = fixes.length === 0 ? null : fixIn(evidence, fixes);
      const file = { path: visible(copy.path), kind, ...evidence, fix } as const;
      return [{ process: identityOf(process), owner: shownOwner(process, host), file }];
    }),
  );
  return {
    schema: "afterpatch.users/v1",
    host: documentHost(facts),
    startedAt: facts.startedAt,
    elapsedMs: Math.max(0, now() - facts.startedAt),
    processes: facts.processes,
    asked: {
      paths: asked.paths.map(visible),
      package: asked.package === null ? null : visible(asked.package),
      cve: asked.cve ?? null,
    },
    users: users.sort(byPathThenCopy),
    fixes: fixes.map(({ package: name, version, fixedIn }) => ({ package: name, version, fixedIn })),
    kernelFix: kernelHas(facts, fixes),
    unmapped: missing.map(({ typed }) => visible(typed)),
    unreadable: facts.unreadable.map(({ pid, why }) => ({ pid, why: visible(why) })),
  };
}

/** What is on the disk has it; of what is not, the version that is in memory says. */
function fixIn({ copy, package: from }: CopyEvidence, fixes: readonly Fix[]): HasFix {
  if (copy !== "old") return copy === "new" ? "present" : "unknown";
  const fix = from === null ? null : fixOf(from.name, fixes);
  return fix === null ? "unknown" : versionHas(from?.from ?? null, fix);
}

const COPIES = ["old", "unknown", "new"];

function byPathThenCopy(a: FileUser, b: FileUser): number {
  const path = a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : 0;
  return path || COPIES.indexOf(a.file.copy) - COPIES.indexOf(b.file.copy) || a.process.pid - b.process.pid;
}

/** What was typed is UTF-8 here and bytes in maps. */
function patternOf(text: string): Pattern {
  const typed = Buffer.from(text, "utf8").toString("latin1");
  if (isGlob(typed) || !typed.startsWith("/")) return { typed, targets: [] };
  const found = find(typed, viewOf({ prefix: "", above: "", root: "" }, "/proc/self/mountinfo"));
  return { typed, targets: found.kind === "found" ? [found.path] : [] };
}

/** Where a path leads to another file than it names; null where it is that file's own name, a glob, or leads nowhere. */
export function leadsTo(path: string): string | null {
  const { typed, targets } = patternOf(path);
  const names = aliases(typed, mergedFolders());
  const target = targets.find((name) => !names.includes(name));
  return target === undefined ? null : textOfBytes(target);
}

function isFile(typed: string): boolean {
  if (!typed.startsWith("/")) return false;
  return find(typed, viewOf({ prefix: "", above: "", root: "" }, "/proc/self/mountinfo")).kind === "found";
}

/** Top folders that are links into /usr. */
function mergedFolders(): ReadonlySet<string> {
  const folders = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
  return new Set(
    folders.flatMap((name) => {
      const stat = lstatSync(`/${name}`, { throwIfNoEntry: false });
      return stat?.isSymbolicLink() && /^\/?usr\//.test(readLink(`/${name}`)) ? [`/${name}`] : [];
    }),
  );
}

function notMapped(typed: string, look: Look): CommandError {
  const { table, facts } = look;
  const printed = table.places.flatMap(({ files }) => [...files.values()].map(({ mapping }) => mapping.path));
  const paths = [...printed.map(plainPath), ...interpretedPaths(look)];
  const near = nearestPaths(typed, [...new Set(paths)]).map((path) => textOfBytes(path));
  const unseen = facts.unreadable.length > 0 ? ` (${facts.unreadable.length} could not be read)` : "";
  return new CommandError(
    EXIT.selection,
    textOfBytes(typed),
    `no process has a file of this name mapped, or interprets one${unseen}`,
    near.length > 0
      ? `nearest mapped: ${near.join(", ")}`
      : "give a path as 'afterpatch-agent why PID' prints it, or a glob in quotes",
  );
}
