import { VERDICTS } from "@afterpatch/core/scan";
import type { AnswerGroup, UseDocument } from "./old-code.ts";

/** Hosts on which one unit runs old code of one cause, as surely as `verdict` says. */
export interface CauseUnit {
  readonly kind: string;
  readonly owner: UseDocument["owner"];
  readonly verdict: string;
  readonly remedy: UseDocument["remedy"];
  /** By name. */
  readonly hosts: readonly string[];
}

/** Why code is old: an upgrade of a package, from one version to another; or a file of none. */
export interface Cause {
  /** Null: the file is of no package. */
  readonly package: UseDocument["file"]["package"];
  /** Of the package, or the one. */
  readonly files: readonly string[];
  readonly cves: UseDocument["cves"];
  /** Those with the most hosts first. */
  readonly units: readonly CauseUnit[];
  /** How many hosts. */
  readonly hosts: number;
}

/** Old code turned round: cause, units, hosts. Causes with the most hosts first. */
export function causesOf(groups: readonly AnswerGroup[]): readonly Cause[] {
  const causes = new Map<string, GrowingCause>();
  for (const { uses, hosts } of groups) {
    for (const [key, members] of Map.groupBy(uses, causeKey)) {
      const [first] = members;
      if (!first) continue;
      const cause = causes.get(key) ?? {
        about: first,
        files: new Set<string>(),
        units: new Map<string, GrowingUnit>(),
      };
      causes.set(key, cause);
      for (const { file } of members) cause.files.add(file.path);
      for (const use of strongestOfUnits(members)) {
        const unitKey = JSON.stringify([use.kind, use.owner, use.verdict, use.remedy]);
        const unit = cause.units.get(unitKey) ?? { about: use, hosts: new Set<string>() };
        cause.units.set(unitKey, unit);
        for (const host of hosts) unit.hosts.add(host);
      }
    }
  }
  return [...causes.values()].map(grown).sort((a, b) => b.hosts - a.hosts || inText(causeName(a), causeName(b)));
}

interface GrowingUnit {
  readonly about: UseDocument;
  readonly hosts: Set<string>;
}

interface GrowingCause {
  readonly about: UseDocument;
  readonly files: Set<string>;
  readonly units: Map<string, GrowingUnit>;
}

function causeKey({ file }: UseDocument): string {
  return JSON.stringify(file.package ?? file.path);
}

const WORDS: readonly string[] = VERDICTS;

/** A unit that runs several files of one cause stands there once. */
function strongestOfUnits(uses: readonly UseDocument[]): readonly UseDocument[] {
  const strength = ({ verdict }: UseDocument) => WORDS.indexOf(verdict);
  const byUnit = Map.groupBy(uses, ({ kind, owner, remedy }) => JSON.stringify([kind, owner, remedy]));
  return [...byUnit.values()].flatMap((all) => all.sort((a, b) => strength(a) - strength(b)).slice(0, 1));
}

function grown({ about, files, units }: GrowingCause): Cause {
  const all = [...units.values()].map(({ about: { kind, owner, verdict, remedy }, hosts }) => ({
    ...{ kind, owner, verdict, remedy },
    hosts: [...hosts].sort(inText),
  }));
  return {
    package: about.file.package,
    files: [...files].sort(inText),
    cves: about.cves,
    units: all.sort((a, b) => b.hosts.length - a.hosts.length || inText(a.owner.name, b.owner.name)),
    hosts: new Set(all.flatMap(({ hosts }) => hosts)).size,
  };
}

/** The package, or the file. */
export function causeName(cause: Pick<Cause, "package" | "files">): string {
  return cause.package?.name ?? cause.files[0] ?? "";
}

function inText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
