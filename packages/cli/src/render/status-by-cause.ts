import type { Cause } from "../documents/causes.ts";
import type { Answers } from "../documents/old-code.ts";
import type { StatusDocument } from "../documents/status.ts";
import type { Paint } from "../shell.ts";
import { renderCauses } from "./causes.ts";
import { someHosts } from "./some-hosts.ts";
import { type StatusNote, statusNotes, totals } from "./status.ts";
import { counted } from "./table.ts";
import { unknownLines } from "./unknown.ts";

/** The fleet turned round. */
export interface ByCause {
  readonly document: StatusDocument;
  readonly answers: Answers;
  readonly causes: readonly Cause[];
  /** A part of the old code was asked for. */
  readonly isPart: boolean;
}

/** Lines about hosts that are shown without `-o wide`. */
const MOST_NOTES = 30;

/** Why code is old, which units run it, on which hosts; then of whom that is not known, and the fleet in one line. */
export function renderByCause(
  { document, answers, causes, isPart }: ByCause,
  now: number,
  paint: Paint,
  isWide: boolean,
): string {
  if (document.hosts.length === 0) return "No hosts yet; make a join token with 'afterpatch token create'.\n";
  const failing = new Set(document.hosts.flatMap(({ name, scanFailed }) => (scanFailed === null ? [] : [name])));
  // Said below in more words.
  const unsaid = answers.hosts.map((host) =>
    failing.has(host.name) ? { ...host, unknown: host.unknown.filter((why) => !why.startsWith("scan failed")) } : host,
  );
  const notes = [...unknownLines(unsaid, now, paint, isWide), ...folded(document, now, paint, isWide)];
  const using = answers.hosts.filter(({ uses }) => uses === true).length;
  const asked = isPart
    ? [
        `What was asked for: ${using === 0 ? "no host runs it" : `${counted(using, "host")} of ${answers.hosts.length} run it`}, by the last reports`,
      ]
    : [];
  const parts = [renderCauses(causes, paint, isWide), [...notes, ...asked, totals(document, now)].join("\n")];
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

/** Notes that say the same stand there once, with their hosts. */
function folded(document: StatusDocument, now: number, paint: Paint, isWide: boolean): readonly string[] {
  const all = [
    ...Map.groupBy([...rowNotes(document), ...statusNotes(document, now)], ({ line }) => line.join("\0")).values(),
  ];
  const shown = isWide ? all : all.slice(0, MOST_NOTES);
  const lines = shown.flatMap((notes) => {
    const [first] = notes;
    if (!first) return [];
    const names = someHosts(
      notes.map(({ host }) => host),
      isWide,
    );
    return [`${paint(first.colour, `${first.line[0]}${names}`)}: ${first.line[1]}`];
  });
  const more = all.length - shown.length;
  return more > 0 ? [...lines, `and ${counted(more, "more note", "more notes")} (-o wide)`] : lines;
}

/** What a row of a host would show. */
function rowNotes({ hosts }: StatusDocument): readonly StatusNote[] {
  const twins = "two machines spoke as it; nothing is done there ('afterpatch hosts waiting')";
  return hosts.flatMap(({ name, state, reboot }): readonly StatusNote[] => [
    ...(reboot === true ? [{ host: name, line: ["Reboot: ", "needed"], colour: "red" } as const] : []),
    ...(state === "quarantined" ? [{ host: name, line: ["Quarantined: ", twins], colour: "red" } as const] : []),
  ]);
}
