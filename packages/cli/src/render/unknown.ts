import type { AnsweringHost } from "../documents/old-code.ts";
import type { Paint } from "../shell.ts";
import { someHosts } from "./some-hosts.ts";
import { counted } from "./table.ts";
import { age } from "./time.ts";

/** Reasons that are shown without `-o wide`: text of hosts may differ for each of them. */
const MOST = 20;

/** Of which hosts it is not known what they run, and why: a line for each reason. */
export function unknownLines(
  hosts: readonly AnsweringHost[],
  now: number,
  paint: Paint,
  isWide: boolean,
): readonly string[] {
  const whys = new Map<string, AnsweringHost[]>();
  for (const host of hosts) {
    for (const why of host.unknown) whys.set(why, [...(whys.get(why) ?? []), host]);
  }
  const all = [...whys].sort(([, a], [, b]) => b.length - a.length);
  const shown = isWide ? all : all.slice(0, MOST);
  const lines = shown.map(([why, members]) => {
    const names = someHosts(
      members.map(({ name }) => name),
      isWide,
    );
    return `${paint("yellow", `Unknown: ${names}`)}: ${why}${agesOf(members, now)}`;
  });
  const more = all.length - shown.length;
  return more > 0 ? [...lines, `and ${counted(more, "more reason", "more reasons")} (-o wide)`] : lines;
}

/** `; last report 5h ago`, `; last reports 5h to 2d ago`; nothing where there are none. */
function agesOf(hosts: readonly AnsweringHost[], now: number): string {
  const span = reportAges(hosts, now);
  return span === null ? "" : `; last ${span.includes(" to ") ? "reports" : "report"} ${span} ago`;
}

/** `5m`, or `5m to 2h`; null where none of them ever reported. */
export function reportAges(hosts: readonly Pick<AnsweringHost, "lastReportAt">[], now: number): string | null {
  const at = hosts.flatMap(({ lastReportAt }) => lastReportAt ?? []);
  if (at.length === 0) return null;
  const [newest, oldest] = at.reduce(
    ([most, least], one) => [Math.max(most, one), Math.min(least, one)],
    [0, Infinity],
  );
  const [from, to] = [age(newest ?? 0, now), age(oldest ?? 0, now)];
  return from === to ? from : `${from} to ${to}`;
}
