import type { FleetUsersDocument } from "../documents/fleet-users.ts";
import type { AnsweringHost, UseDocument } from "../documents/old-code.ts";
import type { Paint } from "../shell.ts";
import { unitName, verdictCell, versionsOf } from "./causes.ts";
import { someHosts } from "./some-hosts.ts";
import { type Cell, counted, table } from "./table.ts";
import { reportAges, unknownLines } from "./unknown.ts";

const COLUMNS = [
  { title: "FILE -> UNIT" },
  { title: "PROGRAM" },
  { title: "VERDICT" },
  { title: "HOSTS", align: "right" as const },
  { title: "WHICH" },
  { title: "REPORT" },
];
/** Shown without `-o wide`; the rest is counted. */
const MOST_ROWS = 100;

/** Who runs old copies, file by file. With `isWide` a line for each host, with the age of its own report. */
export function renderFleetUsers(document: FleetUsersDocument, now: number, paint: Paint, isWide: boolean): string {
  const { users, hosts, totals, asked } = document;
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const members = (names: readonly string[]) => names.flatMap((name) => byName.get(name) ?? []);
  const rows: (readonly Cell[])[] = [];
  const heads = new Map<number, string>();
  let last = "";
  for (const user of users) {
    const head = JSON.stringify(user.file);
    if (head !== last) heads.set(rows.length, heading(user, paint));
    last = head;
    const each = isWide ? user.hosts.map((name) => [name]) : [user.hosts];
    rows.push(...each.map((names) => row(user, members(names), now, isWide)));
  }
  const shown = isWide ? rows : rows.slice(0, MOST_ROWS);
  const [titles = "", ...lines] = table(COLUMNS, shown, paint).trimEnd().split("\n");
  const body = lines.flatMap((line, at) => [...(heads.has(at) ? [heads.get(at) ?? ""] : []), line]);
  const more = rows.length - shown.length;
  const parts = [
    ...(rows.length > 0 ? [[titles, ...body, ...(more > 0 ? [`and ${more} more (-o wide)`] : [])].join("\n")] : []),
    [...unknownLines(hosts, now, paint, isWide), ...summary(asked, totals)].join("\n"),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** `/usr/lib/libssl.so.3 (libssl3 3.0.17-1 -> 3.0.19-1)`. */
function heading({ file }: UseDocument, paint: Paint): string {
  const of = file.package;
  return `${paint("bold", file.path)}${of === null ? "" : ` (${of.name}${versionsOf(of)})`}`;
}

function row(user: UseDocument, hosts: readonly AnsweringHost[], now: number, isWide: boolean): readonly Cell[] {
  return [
    { text: `  ${unitName(user)}` },
    { text: user.program ?? "-" },
    verdictCell(user.verdict),
    { text: String(hosts.length) },
    {
      text: someHosts(
        hosts.map(({ name }) => name),
        isWide,
      ),
    },
    { text: reportAges(hosts, now) ?? "never" },
  ];
}

function summary(asked: FleetUsersDocument["asked"], totals: FleetUsersDocument["totals"]): readonly string[] {
  const { using, unknown, notUsing, noOldCode } = totals;
  const cves = asked.cves.join(" or ");
  const what = cves === "" ? "old code of it" : `code from before the fix of ${cves}`;
  const parts = [
    `${counted(totals.hosts, "host")}: ${using === 0 ? "none" : using} ${using === 1 ? "runs" : "run"} ${what}, by the last reports`,
    ...(unknown > 0 ? [`of ${unknown} it is not known${using > 0 ? " whether that is all" : ""}`] : []),
    ...(notUsing > 0
      ? [
          `${notUsing} ${notUsing === 1 ? "runs" : "run"} other old code${cves === "" ? "" : ", whose changelogs do not name it"}`,
        ]
      : []),
    ...(noOldCode > 0 ? [`${noOldCode} no old code at all`] : []),
  ];
  const isNamed = asked.packages.length + asked.files.length + asked.units.length > 0;
  const misspelt =
    using > 0 || !isNamed
      ? []
      : ["Nothing old has that name in the reports; a package is called as its host calls it (libssl3, not openssl)."];
  // Reports tell of what was upgraded and is still run: who was not upgraded has nothing to tell.
  const limit =
    cves === ""
      ? []
      : [
          "Where the fix is not installed, reports tell nothing of it: 'afterpatch-agent users --cve' on the host does.",
        ];
  return [parts.join("; "), ...misspelt, ...limit];
}
