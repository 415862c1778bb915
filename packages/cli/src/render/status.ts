import { type HostDocument, type StatusDocument, total } from "../documents/status.ts";
import type { Colour, Paint } from "../shell.ts";
import { type Cell, type Column, counted, table, tally } from "./table.ts";
import { holdText } from "./holds.ts";
import { age } from "./time.ts";

const COLUMNS: readonly Column[] = [
  { title: "HOST" },
  { title: "STATE" },
  { title: "KERNEL" },
  { title: "SERVICE", align: "right" },
  { title: "XINETD-SESSION", align: "right" },
  { title: "APPLICATION", align: "right" },
  { title: "OLD-KERNEL", align: "right" },
  { title: "MICROCODE", align: "right" },
  { title: "REBOOT" },
  { title: "REPORT" },
];
const WIDE: readonly Column[] = [...COLUMNS, { title: "AGENT" }, { title: "LABELS" }, { title: "ID" }];

/** One line per host, what runs old code there by kind, and a line of totals. */
export function renderStatus(status: StatusDocument, now: number, paint: Paint, isWide: boolean): string {
  if (status.hosts.length === 0) return "No hosts yet; make a join token with 'afterpatch token create'.\n";
  const rows = status.hosts.map((host) => [...narrow(host, now), ...(isWide ? wide(host) : [])]);
  const notes = statusNotes(status, now).map(
    ({ host, line, colour }) => `${paint(colour, `${line[0]}${host}`)}: ${line[1]}\n`,
  );
  return `${table(isWide ? WIDE : COLUMNS, rows, paint)}\n${notes.join("")}${totals(status, now)}\n`;
}

/** What is to be said of one host beside its row: `line` is what stands before its name, and after it. */
export interface StatusNote {
  readonly host: string;
  readonly line: readonly [before: string, after: string];
  readonly colour: Colour;
}

export function statusNotes({ hosts }: StatusDocument, now: number): readonly StatusNote[] {
  return [
    ...hosts.flatMap((host): StatusNote[] => {
      const why = notScanned(host, now);
      const shown = host.lastReportAt === null ? "it never reported" : "shown as last reported";
      return why === null ? [] : [{ host: host.name, line: ["Not scanned: ", `${why}; ${shown}`], colour: "red" }];
    }),
    ...hosts.flatMap((host) =>
      remarks(host).map((text): StatusNote => ({ host: host.name, line: ["", text], colour: "yellow" })),
    ),
    ...hosts.flatMap((host) =>
      host.notes.map((text): StatusNote => ({ host: host.name, line: ["", text], colour: "red" })),
    ),
  ];
}

/** What people or rollouts have left a host with. */
function remarks({ cordon, presence, charge, writtenOff }: HostDocument): readonly string[] {
  const away = presence === "connected" ? "" : `; ${presence}`;
  return [
    ...(cordon === null ? [] : [`cordoned ${holdText(cordon)}${away}`]),
    ...(charge === null ? [] : [`charged to budgets since rollout ${charge.rollout}: ${charge.why}`]),
    ...(writtenOff === null ? [] : [`written off ${holdText(writtenOff)}; charged to no budget`]),
  ];
}

/** Why a scan that was asked for now, or was due, is not what is shown. */
function notScanned(host: HostDocument, now: number): string | null {
  if (host.notScanned !== null || host.scanFailed === null) return host.notScanned;
  return `scan failed ${age(host.scanFailed.at, now)} ago: ${host.scanFailed.why}`;
}

function narrow(host: HostDocument, now: number): readonly Cell[] {
  // What was found is likely there still; nothing found before a scan that failed means nothing.
  const isUnknown = host.scanFailed !== null;
  const reboot = isUnknown && host.reboot === false ? null : host.reboot;
  const count = (value: number | undefined): Cell =>
    value === undefined || (value === 0 && isUnknown)
      ? { text: "?" }
      : { text: String(value), colour: value > 0 ? "yellow" : undefined };
  return [
    { text: host.name },
    { text: host.state, colour: colourOf(host.state) },
    { text: host.kernel ?? "?" },
    count(host.findings?.service),
    count(host.findings?.["xinetd-session"]),
    count(host.findings?.application),
    count(host.findings?.kernel),
    count(host.findings?.microcode),
    reboot === null ? { text: "?" } : reboot ? { text: "needed", colour: "red" } : { text: "no" },
    { text: host.lastReportAt === null ? "never" : age(host.lastReportAt, now) },
  ];
}

function wide(host: HostDocument): readonly Cell[] {
  const labels = Object.entries(host.labels).map(([key, value]) => `${key}=${value}`);
  return [{ text: host.agentVersion ?? "?" }, { text: labels.sort().join(",") || "-" }, { text: host.id }];
}

function colourOf(state: string): Colour | undefined {
  return state === "connected" ? "green" : state === "lost" || state === "quarantined" ? "red" : "yellow";
}

export function totals({ totals: all, hosts }: StatusDocument, now: number): string {
  const parts = [`${counted(all.hosts, "host")}: ${statesOf(all.states, hosts)}`];
  const found = total(all.findings);
  if (found > 0) parts.push(`${counted(found, "finding")}: ${tally(all.findings)}`);
  // Nothing is said about hosts of which nobody knows anything, or not what runs there now.
  else if (all.neverReported === 0 && all.scanFailed === 0)
    parts.push(`no old code in the last reports${oldest(hosts, now)} ('afterpatch scan' looks now)`);
  if (all.reboot.required > 0) parts.push(`${all.reboot.required} to reboot`);
  if (all.unreadable > 0) parts.push(`${counted(all.unreadable, "process", "processes")} could not be looked at`);
  if (all.scanFailed > 0) parts.push(`${counted(all.scanFailed, "host")} could not be scanned`);
  if (all.notes > 0) parts.push(`nothing is done on ${counted(all.notes, "host")}`);
  if (all.neverReported > 0) parts.push(`${all.neverReported} never reported`);
  return parts.join("; ");
}

/** `2 connected, 1 cordoned (1 connected)`: what people decided of a host hides whether it is there. */
function statesOf(states: Readonly<Record<string, number>>, hosts: readonly HostDocument[]): string {
  const there = (state: string) => {
    const counts: Record<string, number> = {};
    for (const host of hosts.filter((one) => one.state === state))
      counts[host.presence] = (counts[host.presence] ?? 0) + 1;
    return tally(counts);
  };
  const parts = Object.entries(states).flatMap(([state, count]) => {
    if (count === 0) return [];
    return [`${count} ${state}${state === "cordoned" ? ` (${there(state)})` : ""}`];
  });
  return parts.join(", ");
}

/** `, the oldest of them 3m old`: what was upgraded since is not in it. */
function oldest(hosts: readonly HostDocument[], now: number): string {
  const reports = hosts.flatMap(({ lastReportAt }) => lastReportAt ?? []);
  return reports.length === 0 ? "" : `, the oldest of them ${age(Math.min(...reports), now)} old`;
}
