import { type ExitCode, EXIT, worst } from "@afterpatch/core/exit";
import type { Filter } from "@afterpatch/core/plan/filter";
import { visible } from "@afterpatch/core/text";
import type { OldCodeFound } from "../connection.ts";
import { type AnsweringHost, type Answers, answersOf, type UseDocument } from "./old-code.ts";

/** `afterpatch.fleetusers/v1`: who runs old code of what was asked for, by the newest reports. */
export interface FleetUsersDocument {
  readonly schema: "afterpatch.fleetusers/v1";
  readonly asked: {
    /** Null: every host. */
    readonly hosts: string | null;
    readonly files: readonly string[];
    readonly packages: readonly string[];
    readonly units: readonly string[];
    readonly kinds: readonly string[];
    readonly cves: readonly string[];
  };
  /** By file and unit. */
  readonly users: readonly (UseDocument & { readonly hosts: readonly string[] })[];
  /** Every host that was asked about, by name. */
  readonly hosts: readonly AnsweringHost[];
  readonly totals: {
    readonly hosts: number;
    /** Who run it, in whatever way they may be unknown beside that. */
    readonly using: number;
    /** Of whom it is not known whether that is all, or whether they do. */
    readonly unknown: number;
    /** Who run other old code, and not that. */
    readonly notUsing: number;
    /** Who run no old code at all. */
    readonly noOldCode: number;
  };
}

export function fleetUsersDocument(
  found: readonly OldCodeFound[],
  pattern: string | undefined,
  filter: Filter,
): FleetUsersDocument {
  const answers = answersOf(found, filter);
  const { hosts } = answers;
  const count = (isCounted: (host: AnsweringHost) => boolean) => hosts.filter(isCounted).length;
  const { libraries, packages, units, kinds, cves } = filter;
  return {
    schema: "afterpatch.fleetusers/v1",
    asked: {
      hosts: pattern === undefined ? null : visible(pattern),
      ...{ files: libraries.map(visible), packages: packages.map(visible), units: units.map(visible), kinds, cves },
    },
    users: usersOf(answers),
    hosts,
    totals: {
      hosts: hosts.length,
      using: count(({ uses }) => uses === true),
      unknown: count(({ unknown }) => unknown.length > 0),
      notUsing: count(({ uses, oldCode }) => uses === false && oldCode === true),
      noOldCode: count(({ uses, oldCode }) => uses === false && oldCode !== true),
    },
  };
}

function usersOf({ groups }: Answers): FleetUsersDocument["users"] {
  const users = new Map<string, { readonly use: UseDocument; readonly hosts: Set<string> }>();
  for (const { uses, hosts } of groups) {
    for (const use of uses) {
      const key = JSON.stringify([use.file.path, use.kind, use.owner, use.program, use]);
      const user = users.get(key) ?? { use, hosts: new Set<string>() };
      users.set(key, user);
      for (const host of hosts) user.hosts.add(host);
    }
  }
  return [...users]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { use, hosts }]) => ({ ...use, hosts: [...hosts].sort() }));
}

/** `--exit-code`: 10 if anybody runs it for sure, 4 if anybody is unknown. */
export function usersExitCode(hosts: readonly AnsweringHost[]): ExitCode {
  return worst(
    hosts.flatMap(({ uses, unknown }) => [
      ...(uses === true ? [EXIT.pending] : []),
      ...(unknown.length > 0 ? [EXIT.unreachable] : []),
    ]),
  );
}
