import { type Cause, type CauseUnit, causeName } from "../documents/causes.ts";
import type { UseDocument } from "../documents/old-code.ts";
import type { Colour, Paint } from "../shell.ts";
import { someHosts } from "./some-hosts.ts";
import { type Cell, counted, table } from "./table.ts";

const COLUMNS = [
  { title: "CAUSE -> UNIT" },
  { title: "VERDICT" },
  { title: "NEEDS" },
  { title: "HOSTS", align: "right" as const },
  { title: "WHICH" },
];
/** Shown without `-o wide`; the rest is counted. */
const MOST = { causes: 30, units: 12, files: 4, cves: 3 };

/** Cause by cause, its units, and on which hosts; empty where nothing is old. */
export function renderCauses(causes: readonly Cause[], paint: Paint, isWide: boolean): string {
  if (causes.length === 0) return "";
  const shown = isWide ? causes : causes.slice(0, MOST.causes);
  const heads = new Map<number, string>();
  const rows: (readonly Cell[])[] = [];
  for (const cause of shown) {
    heads.set(rows.length, heading(cause, paint, isWide));
    const units = isWide ? cause.units : cause.units.slice(0, MOST.units);
    rows.push(...units.map((unit) => row(unit, isWide)));
    const more = cause.units.length - units.length;
    if (more > 0) rows.push([{ text: `  and ${counted(more, "more unit", "more units")} (-o wide)` }]);
  }
  const [titles = "", ...lines] = table(COLUMNS, rows, paint).trimEnd().split("\n");
  const all = lines.flatMap((line, at) => [...(heads.has(at) ? [heads.get(at) ?? ""] : []), line]);
  const hidden = causes.length - shown.length;
  const rest = hidden > 0 ? [`and ${counted(hidden, "more cause", "more causes")} (-o wide)`] : [];
  return `${[titles, ...all, ...rest].join("\n")}\n`;
}

/** `libssl3 3.0.17-1 -> 3.0.19-1: libcrypto.so.3, libssl.so.3; fixes CVE-2026-28387 and 4 more`. */
function heading(cause: Cause, paint: Paint, isWide: boolean): string {
  const { package: of, files, cves } = cause;
  const versions = of === null ? "" : versionsOf(of);
  const names = of === null ? [] : [...new Set(files.map((path) => path.slice(path.lastIndexOf("/") + 1)))];
  const about = [
    ...(names.length > 0 ? [some(names, names.length, isWide ? names.length : MOST.files)] : []),
    ...(cves && cves.count > 0 ? [`fixes ${some(cves.ids, cves.count, isWide ? cves.ids.length : MOST.cves)}`] : []),
  ];
  return `${paint("bold", `${causeName(cause)}${versions}`)}${about.length > 0 ? `: ${about.join("; ")}` : ""}`;
}

/** ` 3.0.17-1 -> 3.0.19-1`: in memory, and on the disk. */
export function versionsOf({ from, to }: NonNullable<UseDocument["file"]["package"]>): string {
  return from === null && to === null ? "" : ` ${from ?? "?"} -> ${to ?? "?"}`;
}

function some(items: readonly string[], count: number, most: number): string {
  const shown = items.slice(0, most);
  const more = count - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function row(unit: CauseUnit, isWide: boolean): readonly Cell[] {
  return [
    { text: `  ${unitName(unit)}` },
    verdictCell(unit.verdict),
    { text: need(unit.remedy), colour: unit.remedy.kind === "reboot" ? "red" : undefined },
    { text: String(unit.hosts.length) },
    { text: someHosts(unit.hosts, isWide) },
  ];
}

/** What is not sure stands out. */
export function verdictCell(verdict: string): Cell {
  const colour: Colour | undefined = verdict === "suspected" || verdict === "unknown" ? "yellow" : undefined;
  return { text: verdict, colour };
}

/** `ssh.service`, or with what kind of thing it is where its name does not tell. */
export function unitName({ kind, owner }: Pick<UseDocument, "kind" | "owner">): string {
  if (owner.kind === "service") return owner.name;
  if (owner.kind === "init") return `${owner.name} (PID 1)`;
  if (owner.kind === "kernel") return kind;
  return `${owner.name} (${owner.kind === "xinetd-session" ? (owner.manager ?? "session") : owner.kind})`;
}

/** What no rollout does by itself needs somebody. */
function need({ kind, automatic }: UseDocument["remedy"]): string {
  if (kind === "none") return "a person";
  return automatic ? kind : `${kind}, by a person`;
}
