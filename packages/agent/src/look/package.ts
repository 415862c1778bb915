import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { nearest } from "@afterpatch/core/fleet/nearest";
import { bareName } from "@afterpatch/core/packages/inventory";
import { readingsOf } from "@afterpatch/core/proc/maps";
import { type Answers, askNames, askOwners, HOST_DATABASES } from "../host/packages/ask.ts";
import { readLink } from "../host/read.ts";
import { find, viewOf } from "../host/view.ts";
import type { Look } from "./host.ts";
import { interpretedPaths } from "./interpreted.ts";

/**
 * Tells which mapped paths, as printed, are of a package of this host: by its databases for what is at the path now, by
 * what the scan knows of it for what is gone. Without any, an error with exit code 6; 5 where the databases do not say.
 */
export function packageMatcher(name: string, look: Look): (printed: string) => boolean {
  const { packages, matches, notes } = packagesInUse(look);
  const matcher = matches((shown) => shown === name || bareName(shown) === name);
  if (matcher !== null) return matcher;
  if (packages.length > 0) throw notMapped(name, packages);
  const why = notes[0] ?? "no database of packages was found on this host";
  throw usageError(
    "--package",
    `which files a package has is not known: ${why}`,
    "name the files: afterpatch-agent users PATH",
  );
}

/** Packages of which some process has a file mapped, or interprets one. `matches`: null where none is asked for. */
export function packagesInUse(look: Look) {
  const { facts } = look;
  const onDisk = filesInUse(look);
  const { owners, notes } = askOwners([...onDisk.keys()], HOST_DATABASES);
  const packages = [...owners.values()].flatMap((owner) => owner?.shown ?? []);
  const matches = (isAsked: (shown: string) => boolean) => matcherOf(isAsked, owners, onDisk, facts);
  return { packages, matches, notes };
}

function matcherOf(
  isAsked: (shown: string) => boolean,
  owners: Answers["owners"],
  onDisk: ReadonlyMap<string, readonly string[]>,
  facts: Look["facts"],
): ((printed: string) => boolean) | null {
  const wanted = new Set<string>();
  for (const [path, owner] of owners) {
    if (owner && isAsked(owner.shown)) for (const printed of onDisk.get(path) ?? []) wanted.add(printed);
  }
  // Escaped text of the facts: what was escaped in it names nothing.
  const known = facts.files.flatMap(({ path, mappedPath, package: from }) =>
    from && isAsked(from.name) ? [path, mappedPath ?? path] : [],
  );
  for (const path of known) wanted.add(Buffer.from(path, "utf8").toString("latin1"));
  return wanted.size === 0 ? null : (printed) => namesOf(printed).some((path) => wanted.has(path));
}

function namesOf(printed: string): readonly string[] {
  const { literal, deleted } = readingsOf(printed);
  return [...literal, ...deleted];
}

/** Files that are at mapped and interpreted paths now, and those paths. What a container has is not of this host. */
function filesInUse({ table: { places }, interpreted }: Look): ReadonlyMap<string, readonly string[]> {
  const own = readLink("/proc/self/ns/mnt");
  const view = viewOf({ prefix: "", above: "", root: "" }, "/proc/self/mountinfo");
  const files = new Map<string, string[]>();
  const add = (name: string) => {
    const found = find(name, view);
    if (found.kind === "found" && found.stat.isFile()) files.set(found.path, [...(files.get(found.path) ?? []), name]);
  };
  for (const { mountNamespace, files: mapped } of places) {
    if (mountNamespace !== own) continue;
    for (const { mapping } of mapped.values()) for (const name of namesOf(mapping.path)) add(name);
  }
  const ofHost = interpreted.filter(({ running }) => running.tree.view.prefix === "");
  for (const path of new Set(interpretedPaths({ interpreted: ofHost }))) add(path);
  return files;
}

function notMapped(name: string, mapped: readonly string[]): CommandError {
  const isInstalled = askNames(new Set([name]), HOST_DATABASES).length > 0;
  const near = nearest(name, mapped);
  const why = isInstalled ? "no process has a file of this package mapped" : "no package of this name is installed";
  const todo =
    near.length > 0
      ? `nearest that is in use: ${near.join(", ")}`
      : "give a package's name as the package manager lists it";
  return new CommandError(EXIT.selection, name, why, todo);
}
