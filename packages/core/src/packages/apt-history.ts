import type { InstantOf } from "./dpkg-log.ts";
import type { Transaction } from "./transaction.ts";

// Start-Date: 2026-11-22  10:00:00
// Commandline: apt-get upgrade
// Requested-By: alice (1000)
// Upgrade: libssl3:amd64 (3.0.11-1, 3.0.15-1), curl:amd64 (7.88.1-10, 7.88.1-11)
// End-Date: 2026-11-22  10:00:09
const LONGEST_STANZA = 4 * 1024 * 1024;

/**
 * Which run of apt put this version of a package on the disk at `installedAt`; null when none in the text did, as where
 * dpkg was called without apt. `text` is that of one or more history.log, oldest first.
 */
export function aptTransaction(
  text: string,
  of: { readonly name: string; readonly architecture: string; readonly version: string; readonly installedAt: number },
  instantOf: InstantOf,
): Transaction | null {
  let found: Transaction | null = null;
  for (const stanza of text.split("\n\n")) {
    if (stanza.length > LONGEST_STANZA || !stanza.includes(of.version)) continue;
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1] ?? "";
    const [startedAt, endedAt] = ["Start-Date", "End-Date"].map((name) => instantOf(field(name).replace(/ +/, " ")));
    if (startedAt === undefined || endedAt === undefined) continue;
    // dpkg writes the list of files, whose time is that of the installation, in between.
    if (!(startedAt - 1000 <= of.installedAt && of.installedAt <= endedAt + 1000)) continue;
    const lists = ["Upgrade", "Install", "Reinstall", "Downgrade"].map(field);
    if (!lists.some((list) => isListed(list, of))) continue;
    const [, user] = /^(\S+) \(\d+\)$/.exec(field("Requested-By")) ?? [];
    const argv = field("Commandline").split(" ").filter(Boolean);
    found = { tool: "apt", startedAt, argv, user: user ?? null };
  }
  return found;
}

/** `NAME:ARCHITECTURE (OLD, NEW)`, `NAME:ARCHITECTURE (NEW)` or `NAME:ARCHITECTURE (NEW, automatic)`, with commas between. */
function isListed(list: string, { name, architecture, version }: Parameters<typeof aptTransaction>[1]): boolean {
  return [name, `${name}:${architecture}`].some((shown) => {
    const at = `, ${list}`.indexOf(`, ${shown} (`);
    if (at < 0) return false;
    const from = at + shown.length + 2;
    const versions = list.slice(from, list.indexOf(")", from)).split(", ");
    return (versions[1] === "automatic" ? versions[0] : versions.at(-1)) === version;
  });
}
