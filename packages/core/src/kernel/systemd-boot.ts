import { globMatcher } from "../fleet/glob.ts";
import { type Entry, inSystemdOrder, parseEntry } from "./entries.ts";
import type { LoaderFacts } from "./facts.ts";
import { type NextBoot, unknown } from "./next-boot.ts";

type Entries = NonNullable<LoaderFacts["entries"]>;

/** What systemd-boot starts next: one-shot, then the default kept by the firmware, then loader.conf, then the first. */
export function systemdBootNext(entries: Entries, variables: LoaderFacts["variables"]): NextBoot {
  const parsed = inSystemdOrder(entries.files.map(parseEntry));
  const saved = variables?.LoaderEntryLastBooted;
  const wishes = [variables?.LoaderEntryOneShot, variables?.LoaderEntryDefault, defaultOf(entries.config)];
  for (const wish of wishes) {
    const pattern = wish === "@saved" ? saved : wish;
    if (pattern === undefined || pattern === "") continue;
    const isWanted = globMatcher(pattern.toLowerCase());
    const found = parsed.find(({ id }) => isWanted(`${id}.conf`.toLowerCase()) || isWanted(id.toLowerCase()));
    if (entries.unified.some((name) => isWanted(name.toLowerCase()))) return unified(entries);
    if (found) return started(found, entries);
  }
  // Unified images are sorted among the entries by what is inside them.
  if (entries.unified.length > 0) return unified(entries);
  const [first] = parsed;
  return first ? started(first, entries) : unknown(`${entries.path} has no entries`);
}

function started({ id, linux, version, initrd }: Entry, { path }: Entries): NextBoot {
  if (linux === null) return unknown(`the default entry ${id} of systemd-boot starts no Linux kernel by itself`);
  return { kind: "entry", by: `${path}/entries/${id}.conf`, linux, release: version, initrd };
}

function unified({ path }: Entries): NextBoot {
  return unknown(`${path} has unified kernel images beside it, which are not opened`);
}

function defaultOf(config: string | null): string | undefined {
  return (config ?? "")
    .split("\n")
    .map((line) => /^\s*default\s+(\S.*?)\s*$/.exec(line)?.[1])
    .findLast((value) => value !== undefined);
}
