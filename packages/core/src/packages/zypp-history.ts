import { type Change, withEarlier } from "./history.ts";
import type { InstantOf } from "./dpkg-log.ts";
import type { Transaction } from "./transaction.ts";

// 2026-03-01 10:00:00|command|root@web01|'zypper' '-n' 'patch'|
// 2026-03-01 10:00:09|install|libopenssl3|3.1.4-1.1|x86_64||repo-update|CHECKSUM|
// 2026-03-01 10:00:12|remove |libopenssl1_1|1.1.1w-1.1|x86_64|root@web01|
const LINE = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\|(install|remove ?|command)\|(.*)$/;

interface Entry {
  readonly at: number;
  readonly action: string;
  readonly fields: readonly string[];
}

/** Changes of packages called as `wanted` says, from the text of /var/log/zypp/history, oldest first. */
export function parseZyppHistory(text: string, wanted: ReadonlySet<string>, instantOf: InstantOf): readonly Change[] {
  return withEarlier(
    entriesOf(text, instantOf).flatMap(({ at, action, fields: [name = "", version = "", architecture = ""] }) => {
      if (action === "command" || !wanted.has(name) || version === "") return [];
      const plain = version.replace(/^0:/, "");
      const change = { name, architecture: architecture || null, startedAt: at, endedAt: at + 1000 };
      return [action === "install" ? { ...change, to: plain } : { ...change, to: null, from: plain }];
    }),
  );
}

/** The instant of the first line that has one, or null. */
export function firstOfZypp(text: string, instantOf: InstantOf): number | null {
  return entriesOf(text.slice(0, 64 * 1024), instantOf)[0]?.at ?? null;
}

/** Which command installed this version of a package, if the history says so: the last one that did. */
export function zyppTransaction(
  text: string,
  of: { readonly name: string; readonly version: string },
  instantOf: InstantOf,
): Transaction | null {
  let command: Transaction | null = null;
  let found: Transaction | null = null;
  for (const { at, action, fields } of entriesOf(text, instantOf)) {
    const [name = "", version = ""] = fields;
    if (action === "command") command = commandOf(at, fields);
    else if (action === "install" && name === of.name && version.replace(/^0:/, "") === of.version) found = command;
  }
  return found;
}

function commandOf(at: number, [who = "", line = ""]: readonly string[]): Transaction {
  const argv = [...line.matchAll(/'([^']*)'/g)].map(([, word = ""]) => word);
  const user = who.split("@", 1)[0] ?? "";
  return { tool: "zypper", startedAt: at, argv, user: user === "" ? null : user };
}

function entriesOf(text: string, instantOf: InstantOf): readonly Entry[] {
  return text.split("\n").flatMap((line) => {
    const [, at = "", action = "", rest = ""] = (line.length > 4096 ? null : LINE.exec(line)) ?? [];
    return at === "" ? [] : [{ at: instantOf(at), action: action.trim(), fields: rest.split("|") }];
  });
}
