import type { Change } from "./history.ts";

/** Turns `2026-11-22 18:39:35`, in the local time of the host, to epoch milliseconds; NaN when it is none. */
export type InstantOf = (local: string) => number;

// DATE TIME upgrade NAME:ARCH OLD NEW | install NAME:ARCH OLD|<none> NEW | remove NAME:ARCH OLD <none> | status STATE NAME:ARCH VERSION
const LINE =
  /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:(upgrade|install|remove|disappear) (\S+) (\S+)(?: \S+)?|status (\S+) (\S+) (\S+))$/;

/** Changes of packages called as `wanted` says. `text` is that of one or more log files, oldest first. */
export function parseDpkgLog(text: string, wanted: ReadonlySet<string>, instantOf: InstantOf): readonly Change[] {
  const changes: Change[] = [];
  const open = new Map<string, { at: number; from: string | null }>();
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = end - start > 1024 ? "" : text.slice(start, end);
    start = end + 1;
    const [, at = "", verb, subject = "", old, state, statusSubject = "", version = ""] = LINE.exec(line) ?? [];
    const identity = verb === undefined ? statusSubject : subject;
    if (!wanted.has(identity.split(":", 1)[0] ?? "")) continue;
    if (verb !== undefined) {
      // What stayed behind of a removed package has a version too, but no code.
      const from = verb === "install" || old === "<none>" ? null : (old ?? null);
      // The first of several lines of one change: it may be tried again.
      if (!open.has(identity)) open.set(identity, { at: instantOf(at), from });
      continue;
    }
    const begun = open.get(identity);
    const to = endOf(state, version, begun?.from ?? null);
    if (begun === undefined || to === undefined) continue;
    open.delete(identity);
    if (to !== begun.from) changes.push(changeOf(identity, begun, instantOf(at) + 1000, to));
  }
  // Begun and never ended: what is on the disk is of two versions.
  for (const [identity, begun] of open) changes.push(changeOf(identity, begun, Number.POSITIVE_INFINITY, null));
  return changes;
}

/** Version that a status line ends a change with, null for removal, undefined when it goes on. */
function endOf(state: string | undefined, version: string, from: string | null): string | null | undefined {
  if (state === "config-files" || state === "not-installed") return null;
  // Before the files are replaced the old version passes through `unpacked` as well.
  if (state === "unpacked" && version !== from) return version;
  return state === "installed" ? version : undefined; // the same version once more, or a way back
}

function changeOf(identity: string, begun: { at: number; from: string | null }, endedAt: number, to: string | null) {
  const [name = "", architecture = null] = identity.split(":");
  return { name, architecture, startedAt: begun.at, endedAt, from: begun.from, to };
}

/**
 * Since when a log has every line: the end of the second of its first line that has a time, for lines of that same
 * second may have gone before it. Null where no line has one.
 */
export function firstInstant(text: string, instantOf: InstantOf): number | null {
  const [, at] = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) /m.exec(text.slice(0, 64 * 1024)) ?? [];
  const instant = at === undefined ? Number.NaN : instantOf(at);
  return Number.isNaN(instant) ? null : instant + 1000;
}
