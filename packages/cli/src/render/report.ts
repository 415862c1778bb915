import type { ReportDocument, ReportedHostDocument } from "../documents/report.ts";
import type { Paint } from "../shell.ts";
import { uncoveredLines } from "./plan.ts";
import { colourOfHost, colourOfState, whyAfter } from "./rollout.ts";
import { table, tally } from "./table.ts";
import { instant } from "./time.ts";

/** For people; `-o json` has all of it. */
export function renderReport(report: ReportDocument, paint: Paint): string {
  const { id, state, reason, actor, createdAt, endedAt, digest, orders, audit } = report;
  const between = [createdAt, endedAt].map((at) => (at === null ? "not yet" : instant(at))).join(" to ");
  const lines = [
    `Rollout ${id ?? "not started"} ${paint(colourOfState(state) ?? "bold", state)}${whyAfter(report)}`,
    `Reason: ${reason}`,
    `By ${actor ?? "nobody"}, ${between}; plan ${digest}`,
    ...orders.map(({ type, at, actor: by, why: because, wave, host }) =>
      [`${instant(at)} ${type} by ${by}`, ...[wave, host, said(because, by)].filter((word) => word !== null)].join(
        ": ",
      ),
    ),
  ];
  const titles = ["WAVE", "HOST", "STATE", "WORK", "PROVED AT", "FINDINGS LEFT", "REMARK"];
  const columns = titles.map((title) => ({ title }));
  const rows = report.hosts.map((host) => [
    ...[{ text: host.wave }, { text: host.name }, { text: host.state, colour: colourOfHost(host.state) }],
    ...[{ text: workOf(host) }, { text: host.proof === null ? "-" : instant(host.proof.scannedAt) }],
    ...[{ text: host.proof === null ? "-" : String(host.proof.findings) }, { text: remarkOn(host) }],
  ]);
  const log = audit === null ? [] : [`Audit log at ${audit.head}; 'afterpatch audit verify --head' takes it.`];
  const uncovered = uncoveredLines(report.uncovered, paint);
  return `${[...lines, "", table(columns, rows, paint).trimEnd(), "", ...uncovered, tally(report.totals) || "no hosts", ...log].join("\n")}\n`;
}

/** The reason of an order is kept as `paused by ada: lunch`, or `paused by ada` where none was given. */
function said(why: string | null, actor: string): string | null {
  const words = why?.match(/^(?:paused|aborted) by (.*)$/s)?.[1];
  if (words === undefined || !words.startsWith(actor)) return why;
  const rest = words.slice(actor.length);
  if (rest === "") return null;
  return rest.startsWith(": ") ? rest.slice(2) : why;
}

function workOf({ items }: ReportedHostDocument): string {
  const parts = items.map(({ remedy, outcome }) => `${remedy.kind} ${remedy.target} ${outcome ?? "not done"}`);
  return parts.join(", ") || "-";
}

function remarkOn({ reason, residue }: ReportedHostDocument): string {
  const stays = residue.length > 0 ? [`stays: ${residue.join(", ")}`] : [];
  return [...(reason === "" ? [] : [reason]), ...stays].join("; ") || "-";
}
