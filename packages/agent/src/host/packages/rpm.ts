import { spawnSync } from "node:child_process";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import {
  changelogArguments,
  changelogsArguments,
  isAskable,
  nameArguments,
  ownerArguments,
  parseChangelogs,
  parseOwners,
  parseRpmLine,
  type RpmPackage,
  type RpmPlace,
} from "@afterpatch/core/packages/rpm-query";
import type { Answers, InstalledPackage } from "./ask.ts";
import { codeOf } from "../read.ts";

const PROGRAM = "/usr/bin/rpm";
const DATABASES = ["rpmdb.sqlite", "Packages", "Packages.db"];
const FOLDERS = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];
const QUICK = { timeoutMs: 10_000, longest: 64 * 1024 * 1024 };
const GONE = /^error: file .*: No such file or directory$/;
/** Far below what one program may be started with, twice per path. */
const MOST_BYTES = 512 * 1024;

/** Is there a database of rpm, and the program that reads it? Its format is rpm's own business. */
export function hasRpm({ root, dbPath }: RpmPlace): boolean {
  const folders = dbPath === null ? FOLDERS.map((folder) => (root ?? "") + folder) : [(root ?? "") + dbPath];
  return size(PROGRAM) > 0 && folders.some((folder) => DATABASES.some((name) => size(join(folder, name)) > 0));
}

function size(path: string): number {
  try {
    return lstatSync(path).size;
  } catch (error) {
    codeOf(error); // not there, or not ours to see
    return 0;
  }
}

/** Owners of paths that exist, asked of one rpm. */
export function askRpm(paths: readonly string[], place: RpmPlace): Answers {
  const { askable, isCut } = askablePaths(paths);
  const notes = isCut ? ["rpm: too many files to ask for at once: packages of some are not named"] : [];
  if (askable.length === 0) return { owners: new Map(), notes };
  const names = askable.map(({ name }) => name);
  const answer = run(ownerArguments(names, place));
  if ("why" in answer) return { owners: new Map(), notes: [`rpm: ${answer.why}: packages are not named`] };
  const groups = parseOwners(answer.stdout, names);
  if (groups === null) {
    return { owners: new Map(), notes: ["rpm: its answer was not understood: packages are not named"] };
  }
  return { owners: new Map(askable.map(({ path }, index) => [path, one(groups[index] ?? [])])), notes };
}

/** What is installed under these names. */
export function rpmPackages(names: readonly string[], place: RpmPlace): readonly InstalledPackage[] {
  const answer = run(nameArguments(names, place));
  if ("why" in answer) return [];
  return answer.stdout.split("\n").flatMap((line) => {
    const entry = parseRpmLine(line);
    return entry ? [described(entry)] : [];
  });
}

/** The changelog of an installed package; null where rpm does not say. */
export function rpmChangelog(name: string, place: RpmPlace): string | null {
  const answer = run(changelogArguments(name, place));
  return "why" in answer ? null : answer.stdout;
}

/** All installed packages with their changelogs; null where rpm does not say. */
export function rpmChangelogs(place: RpmPlace) {
  const answer = run(changelogsArguments(place), { timeoutMs: 60_000, longest: 512 * 1024 * 1024 });
  return "why" in answer ? null : parseChangelogs(answer.stdout);
}

/** Paths as rpm takes them: UTF-8, and not so many that no program could be started with them. */
function askablePaths(paths: readonly string[]) {
  const askable: { readonly path: string; readonly name: string }[] = [];
  let bytes = 0;
  for (const path of paths) {
    const name = Buffer.from(path, "latin1").toString("utf8"); // bytes that are not UTF-8 become U+FFFD
    if (!isAskable(name)) continue;
    bytes += path.length;
    if (bytes > MOST_BYTES) return { askable, isCut: true };
    askable.push({ path, name });
  }
  return { askable, isCut: false };
}

function run(
  args: readonly string[],
  { timeoutMs, longest }: typeof QUICK = QUICK,
): { readonly stdout: string } | { readonly why: string } {
  const { error, signal, stdout, stderr } = spawnSync(PROGRAM, args, {
    cwd: "/",
    env: { LC_ALL: "C", PATH: "/usr/bin:/bin", HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: longest,
  });
  if (error)
    return {
      why: "code" in error && error.code === "ETIMEDOUT" ? `no answer in ${timeoutMs / 1000} s` : error.message,
    };
  if (signal !== null) return { why: `ended by ${signal}` };
  // With a damaged database it says on the other stream that nobody owns anything. Its exit code counts such paths as well.
  const trouble = stderr.split("\n").find((line) => line.startsWith("error:") && !GONE.test(line));
  return trouble === undefined ? { stdout } : { why: trouble.slice("error:".length, 200).trim() };
}

/** A file that several architectures of a package share is of one version; a file of several packages has no sure owner. */
function one(candidates: readonly RpmPackage[]): InstalledPackage | null {
  const [first, ...others] = candidates.toSorted((a, b) => Number(isForeign(a)) - Number(isForeign(b)));
  if (first === undefined || others.some(({ name }) => name !== first.name)) return null;
  const isSure = others.every(({ version }) => version === first.version);
  const owner = described(first);
  return isSure ? owner : { ...owner, version: null }; // the middle of a transaction
}

const NATIVE: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64", ppc64: "ppc64le", s390x: "s390x" };

function isForeign({ architecture }: RpmPackage): boolean {
  const native = NATIVE[process.arch];
  return native !== undefined && architecture !== "noarch" && !architecture.startsWith(native);
}

function described(entry: RpmPackage): InstalledPackage {
  return { ...entry, shown: isForeign(entry) ? `${entry.name}.${entry.architecture}` : entry.name };
}
