import { visible } from "../text.ts";

/** A package in the middle of a change, see dpkg(1), "PACKAGE STATES". Those whose triggers wait work already. */
export interface UnfinishedPackage {
  readonly name: string;
  readonly architecture: string;
  readonly state: "half-installed" | "unpacked" | "half-configured";
}

/** Of the text of /var/lib/dpkg/status. */
export function unfinishedPackages(status: string): readonly UnfinishedPackage[] {
  const found: UnfinishedPackage[] = [];
  // Lines that go on begin with a blank, so this can only be the field.
  for (const match of status.matchAll(/^Status: \S+ \S+ (half-installed|unpacked|half-configured)[ \t]*$/gm)) {
    const start = status.lastIndexOf("\n\n", match.index);
    const end = status.indexOf("\n\n", match.index);
    const stanza = status.slice(start < 0 ? 0 : start, end < 0 ? status.length : end);
    const field = (name: string) => new RegExp(`^${name}: (.+)$`, "m").exec(stanza)?.[1]?.trim() ?? "";
    const state = match[1] as UnfinishedPackage["state"]; // the expression matches nothing else
    found.push({ name: field("Package"), architecture: field("Architecture"), state });
  }
  return found;
}

/** So long after its files were unpacked nobody configures a package any more who has not failed to. */
const UNPACKED_MS = 3_600_000;
/** Whoever tries to mend a package is between two tries for so long. */
const TRIES_MS = 300_000;

export interface Unpacked extends UnfinishedPackage {
  /** When its files were written, epoch milliseconds. */
  readonly unpackedAt: number;
}

/** What packages that are not whole mean for acting on their host now. */
export interface UnfinishedVerdict {
  /** Why nothing may be done, or null. */
  readonly holdsOff: string | null;
  /** Those that hold nothing off any more. */
  readonly givenUp: readonly Unpacked[];
}

/**
 * Tells a transaction that may go on from one that was given up. `dpkgAt` is when dpkg last wrote its status, epoch
 * milliseconds; null, and null for a package: nobody knows. That no package manager holds its lock is asked elsewhere.
 * What lies in the future by a clock that was set back is not old.
 */
export function judgeUnfinished(
  packages: readonly (UnfinishedPackage & { readonly unpackedAt: number | null })[],
  dpkgAt: number | null,
  now: number,
): UnfinishedVerdict {
  const isOlder = (at: number | null, ms: number): at is number => at !== null && now - at >= ms;
  const givenUp: Unpacked[] = [];
  for (const { name, architecture, state, unpackedAt } of packages) {
    const holds = (why: string) => {
      return { holdsOff: `package ${visible(name)} is ${state}; see dpkg --audit (${why})`, givenUp: [] };
    };
    // Files of two versions beside one another: what is started from them is nobody's version.
    if (state === "half-installed") return holds("its files may be of two versions");
    if (!isOlder(unpackedAt, UNPACKED_MS))
      return holds("it was unpacked less than an hour ago, and may yet be configured");
    if (!isOlder(dpkgAt, TRIES_MS)) return holds("dpkg was at work less than 5 minutes ago, and may yet mend it");
    givenUp.push({ name, architecture, state, unpackedAt });
  }
  return { holdsOff: null, givenUp };
}
