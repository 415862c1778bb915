import type { ReportDocument, ReportedHostDocument } from "../documents/report.ts";
import type { Paint } from "../shell.ts";
import { uncoveredLines } from "./plan.ts";
import { colourOfHost, colourOfState } from "./rollout.ts";
import { table, tally } from "./table.ts";
import { instant } from "./time.ts";

/** For people; `-o json` has all of it. */
export function renderReport(report: ReportDocument, paint: Paint): string {
  const { id, state, why, reason, actor, createdAt, endedAt, digest, orders, audit } = report;
  const between = [createdAt, endedAt].map((at) => (at === null ? "not yet" : instant(at))).join(" to ");
  const lines = [
    `Rollout ${id ?? "not started"} ${paint(colourOfState(state) ?? "bold", state)}${why === "" ? "" : `: ${why}`}`,
    `Reason: ${reason}`,
    `By ${actor ?? "nobody"}, ${between}; plan ${digest}`,
    ...orders.map(({ type, at, actor: by, why: because, wave, host }) =>
      [`${instant(at)} ${type} by ${by}`, ...[wave, host, because].filter((word) => word !== null)].join(": "),
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

function workOf({ items }: ReportedHostDocument): string {
  const parts = items.map(({ remedy, outcome }) => `${remedy.kind} ${remedy.target} ${outcome ?? "not done"}`);
  return parts.join(", ") || "-";
}

function remarkOn({ reason, residue }: ReportedHostDocument): string {
  const stays = residue.length > 0 ? [`stays: ${residue.join(", ")}`] : [];
  return [...(reason === "" ? [] : [reason]), ...stays].join("; ") || "-";
}
