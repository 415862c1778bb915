import { isFilter, type Filter } from "@afterpatch/core/plan/filter";
import { visible } from "@afterpatch/core/text";
import type { OldCodeFound } from "../connection.ts";

type WireUse = OldCodeFound["uses"][number];
type WireHost = OldCodeFound["hosts"][number];

/** That processes of one owner run old code of one file. */
export interface UseDocument {
  readonly kind: string;
  readonly owner: { readonly kind: string; readonly manager: string | null; readonly name: string };
  /** Null of kernel and microcode. */
  readonly program: string | null;
  readonly verdict: string;
  readonly file: {
    readonly path: string;
    readonly kind: string;
    readonly package: { readonly name: string; readonly from: string | null; readonly to: string | null } | null;
  };
  /** What was fixed since, by changelogs: null where none could tell. Those asked for and the newest, 20 at most, and how many there are. */
  readonly cves: { readonly ids: readonly string[]; readonly count: number } | null;
  readonly remedy: { readonly kind: string; readonly target: string; readonly automatic: boolean };
}

/** What one host's newest report says of what was asked. */
export interface AnsweringHost {
  readonly id: string;
  readonly name: string;
  readonly presence: string;
  readonly lastReportAt: number | null;
  /** Null: not known, whether it does or not. */
  readonly uses: boolean | null;
  /** Why it is not known whether that is all; empty: it is. */
  readonly unknown: readonly string[];
  /** Whether it runs old code of whatever kind, by its report; null before the first one. */
  readonly oldCode: boolean | null;
}

/** Hosts that say the same of what was asked. */
export interface AnswerGroup {
  readonly hosts: readonly string[];
  readonly uses: readonly UseDocument[];
}

export interface Answers {
  /** By name. */
  readonly hosts: readonly AnsweringHost[];
  readonly groups: readonly AnswerGroup[];
}

export function answersOf(found: readonly OldCodeFound[], filter: Filter): Answers {
  const hosts = new Map<string, AnsweringHost>();
  const groups: AnswerGroup[] = [];
  for (const part of found) {
    const uses = part.uses.map(useDocument);
    const sure = uses.some(({ verdict }) => verdict !== "unknown");
    const unsure = uses.some(({ verdict }) => verdict === "unknown");
    for (const host of part.hosts) {
      const key = host.id || `name ${host.name}`;
      const before = hosts.get(key);
      const whys = [...(before?.unknown ?? []), ...doubts(host, part, unsure, filter)];
      const unknown = [...new Set(whys)];
      const isUser = sure || before?.uses === true;
      hosts.set(key, {
        ...{ id: visible(host.id), name: visible(host.name), presence: visible(host.presence) },
        lastReportAt: host.lastReportAt === 0 ? null : host.lastReportAt,
        uses: isUser ? true : unknown.length > 0 ? null : false,
        unknown,
        oldCode: host.lastReportAt === 0 ? null : part.isOld,
      });
    }
    if (uses.length > 0) groups.push({ hosts: part.hosts.map(({ name }) => visible(name)), uses });
  }
  return { hosts: [...hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), groups };
}

/** What is not known is never fine. */
function doubts(host: WireHost, part: OldCodeFound, unsure: boolean, filter: Filter): readonly string[] {
  const { presence, lastReportAt, scanFailed, unreadable } = host;
  if (presence === "not-enrolled") return ["not enrolled"];
  if (lastReportAt === 0) return ["never reported"];
  return [
    ...(presence === "connected" ? [] : [visible(presence)]),
    ...(scanFailed ? [`scan failed: ${visible(scanFailed.why)}`] : []),
    ...(part.notTold === "" ? [] : [visible(part.notTold)]),
    ...(unreadable > 0 ? [`${unreadable} ${unreadable === 1 ? "process" : "processes"} could not be looked at`] : []),
    ...(part.untold > 0 ? [`no changelog tells what was fixed in some of its old code`] : []),
    ...(unsure && isFilter(filter) ? ["not known whether what it runs is old"] : []),
  ];
}

function useDocument(use: WireUse): UseDocument {
  const { from, to } = use;
  const known = (text: string) => (text === "" ? null : visible(text));
  return {
    kind: visible(use.kind),
    owner: { kind: visible(use.ownerKind), manager: known(use.manager), name: visible(use.owner) },
    program: known(use.program),
    verdict: visible(use.verdict),
    file: {
      path: visible(use.path),
      kind: visible(use.fileKind),
      package: use.package === "" ? null : { name: visible(use.package), from: known(from), to: known(to) },
    },
    cves: use.cvesKnown ? { ids: use.cves.map(visible), count: use.cveCount } : null,
    remedy: { kind: visible(use.remedy), target: visible(use.target), automatic: use.automatic },
  };
}
