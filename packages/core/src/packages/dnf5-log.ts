import { splitNevra } from "./dnf-log.ts";
import type { Change } from "./history.ts";

// 2026-04-30T03:56:52+0000 [18165] INFO RPM callback install start "openssl-libs-1:3.2.4-1.fc43.x86_64" total 9084
// libdnf5/rpm/transaction.cpp: first the new one is installed, later in the same transaction the old one is taken away.
const LINE =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d{4})) \S+ INFO RPM callback (?:(install|uninstall) (start|stop) "([^"\s]+)"|transaction start)/;

/** Changes of packages called as `wanted` says, from the text of dnf5.log, oldest first. `instantOf` as for parseDnfLog. */
export function parseDnf5Log(
  text: string,
  wanted: ReadonlySet<string>,
  instantOf: (zoned: string) => number,
): readonly Change[] {
  const changes: Change[] = [];
  let open = new Map<string, Change>();
  for (const line of text.split("\n")) {
    const [matched, at = "", action, phase, nevra = ""] = (line.length > 1024 ? null : LINE.exec(line)) ?? [];
    if (matched === undefined) continue;
    if (action === undefined) {
      changes.push(...open.values());
      open = new Map();
      continue;
    }
    const parts = splitNevra(nevra);
    if (parts === null || !wanted.has(parts.name)) continue;
    const { name, architecture, version } = parts;
    const identity = `${name}.${architecture}`;
    const instant = instantOf(at);
    if (action === "install") {
      // Begun and never ended: what is on the disk is of two versions.
      const whole = { endedAt: instant + 1000, to: version };
      const end = phase === "stop" ? whole : { endedAt: Number.POSITIVE_INFINITY, to: null };
      open.set(identity, { name, architecture, startedAt: instant, from: null, ...end });
    } else if (phase === "stop") {
      const begun = open.get(identity);
      open.delete(identity);
      const removed = { name, architecture, startedAt: instant, endedAt: instant + 1000, to: null };
      changes.push({ ...(begun ?? removed), from: version });
    }
  }
  return [...changes, ...open.values()];
}
