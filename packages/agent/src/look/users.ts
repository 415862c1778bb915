import { lstatSync } from "node:fs";
import { CommandError } from "@afterpatch/core/command-error";
import { indexOf } from "@afterpatch/core/detect/host";
import { EXIT } from "@afterpatch/core/exit";
import { isGlob } from "@afterpatch/core/fleet/glob";
import { readingsOf } from "@afterpatch/core/proc/maps";
import type { Owner, ProcessIdentity, Scan } from "@afterpatch/core/scan";
import { textOfBytes, visible } from "@afterpatch/core/text";
import { type CopyEvidence, copyEvidence } from "@afterpatch/core/users/copy";
import { aliases, nearestPaths, type Pattern, patternMatcher } from "@afterpatch/core/users/patterns";
import { readLink } from "../host/read.ts";
import type { ScanOptions } from "../host/scan.ts";
import { find, viewOf } from "../host/view.ts";
import { type Copy, copiesOf } from "./copies.ts";
import { type Look, lookAtHost } from "./host.ts";
import { packageMatcher } from "./package.ts";
import { type DocumentHost, documentHost, identityOf, shownOwner } from "./process.ts";

/** One copy of a file that one process has mapped. */
export interface FileUser {
  readonly process: ProcessIdentity;
  readonly owner: Owner;
  readonly file: CopyEvidence & {
    readonly path: string;
    readonly kind: "executable" | "library";
  };
}

/** The document `afterpatch.users/v1`. */
export interface UsersDocument {
  readonly schema: "afterpatch.users/v1";
  readonly host: DocumentHost;
  readonly startedAt: number;
  readonly elapsedMs: number;
  readonly processes: Scan["processes"];
  readonly asked: Asked;
  /** By path, then old, unknown, new, then pid. */
  readonly users: readonly FileUser[];
  /** Files that were asked for by name, are on the disk, and that no readable process has mapped. */
  readonly unmapped: readonly string[];
  /** May have them mapped too: it is not known. */
  readonly unreadable: Scan["unreadable"];
}

/** What was asked for: paths and globs, or a package. */
export interface Asked {
  readonly paths: readonly string[];
  readonly package: string | null;
}

/** Who has the files mapped that are asked for. A name that nothing matches is an error with exit code 6. */
export function usersOf(asked: Asked, options: ScanOptions): UsersDocument {
  const look = lookAtHost(options);
  const patterns = asked.paths.map(patternOf);
  const matching = patternMatcher(patterns, mergedFolders());
  const isOfPackage = asked.package === null ? () => false : packageMatcher(asked.package, look);
  const copies = copiesOf(look.table, (printed) => matching(printed).length > 0 || isOfPackage(printed));
  const matched = new Set(copies.flatMap(({ printed }) => matching(printed)));
  const missing = patterns.filter((pattern) => !matched.has(pattern));
  const absent = missing.find(({ typed }) => copies.length === 0 || isGlob(typed) || !isFile(typed));
  if (absent) throw notMapped(absent.typed, look);
  return documentOf(asked, copies, missing, look, options.now);
}

function documentOf(
  asked: Asked,
  copies: readonly Copy[],
  missing: readonly Pattern[],
  { facts }: Look,
  now: () => number,
): UsersDocument {
  const host = indexOf(facts);
  const users = copies.flatMap((copy) =>
    copy.holders.flatMap(({ pid }): readonly FileUser[] => {
      const process = host.byPid.get(pid);
      if (!process) return []; // it ended
      const evidence = copyEvidence(copy, process, facts);
      const kind = copy.path === process.executable ? "executable" : "library";
      const file = { path: visible(copy.path), kind, ...evidence } as const;
      return [{ process: identityOf(process), owner: shownOwner(process, host), file }];
    }),
  );
  return {
    schema: "afterpatch.users/v1",
    host: documentHost(facts),
    startedAt: facts.startedAt,
    elapsedMs: Math.max(0, now() - facts.startedAt),
    processes: facts.processes,
    asked: { paths: asked.paths.map(visible), package: asked.package === null ? null : visible(asked.package) },
    users: users.sort(byPathThenCopy),
    unmapped: missing.map(({ typed }) => visible(typed)),
    unreadable: facts.unreadable.map(({ pid, why }) => ({ pid, why: visible(why) })),
  };
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

function notMapped(typed: string, { table, facts }: Look): CommandError {
  const printed = table.places.flatMap(({ files }) => [...files.values()].map(({ mapping }) => mapping.path));
  const paths = printed.map((path) => readingsOf(path).deleted[0] ?? path);
  const near = nearestPaths(typed, [...new Set(paths)]).map((path) => textOfBytes(path));
  const unseen = facts.unreadable.length > 0 ? ` (${facts.unreadable.length} could not be read)` : "";
  return new CommandError(
    EXIT.selection,
    textOfBytes(typed),
    `no process has a file of this name mapped${unseen}`,
    near.length > 0
      ? `nearest mapped: ${near.join(", ")}`
      : "give a path as 'afterpatch-agent why PID' prints it, or a glob in quotes",
  );
}
