import type { Finding, FindingKind, Scan } from "@afterpatch/core/scan";
import { actionWords, isKernelUnknown, isOld, type OwnerGroup, ownerGroups, ownerName } from "./owners.ts";
import { plural } from "./words.ts";

// Monitoring Plugins Development Guidelines: one line for people, `|`, performance data; then more lines.

export const NAGIOS = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
export type NagiosCode = (typeof NAGIOS)[keyof typeof NAGIOS];

export interface NagiosReport {
  readonly text: string;
  readonly code: NagiosCode;
}

/** Proven old code is critical, suspected old code a warning; what is not known never hides either of them. */
export function nagiosReport(scan: Scan): NagiosReport {
  const code = codeOf(scan);
  const word = Object.keys(NAGIOS)[code] ?? "unknown";
  const first = `AFTERPATCH ${word.toUpperCase()} - ${plain(summary(scan))} | ${performance(scan)}`;
  return { text: `${[first, ...details(scan).map(plain)].join("\n")}\n`, code };
}

/** A scan that could not be made: nothing is known, so UNKNOWN. */
export function nagiosFailure(why: string): NagiosReport {
  return { text: `AFTERPATCH UNKNOWN - ${plain(why)}\n`, code: NAGIOS.unknown };
}

function codeOf(scan: Scan): NagiosCode {
  const { findings, host, reboot, unreadable } = scan;
  // A live patch changes the urgency and not the verdict: such a kernel can wait for a window.
  const canWait = (host.kernel.livePatches ?? []).length > 0;
  const isProven = (finding: Finding) =>
    isOld(finding) && finding.verdict !== "suspected" && !(finding.kind === "kernel" && canWait);
  if (findings.some(isProven) || (host.kernel.verdict === "outdated" && !canWait)) return NAGIOS.critical;
  // Nothing is done on such a host until somebody mends the file: that must not pass for OK.
  if (scan.config?.verdict === "invalid") return NAGIOS.warning;
  if (findings.some(isOld) || host.kernel.verdict === "outdated" || reboot.required === true) return NAGIOS.warning;
  const isUnsure =
    findings.length > 0 || unreadable.length > 0 || isKernelUnknown(scan) || scan.config?.verdict === "unknown";
  return isUnsure ? NAGIOS.unknown : NAGIOS.ok;
}

function summary(scan: Scan): string {
  const old = scan.findings.filter(isOld);
  const processes = old.filter(({ process }) => process !== null);
  const { running, expected, verdict } = scan.host.kernel;
  const unsure = scan.findings.length - old.length;
  const none = old.length === 0 ? "nothing was found that runs old code" : "no process was found that runs old code";
  return [
    processes.length === 0
      ? none
      : `${plural(processes.length, "process runs", "processes run")} old code (${plural(ownerGroups(processes).length, "owner", "owners")})`,
    verdict === "outdated" ? `kernel ${running} is not the one that would boot next (${expected ?? "unknown"})` : "",
    isKernelUnknown(scan) ? "kernel not compared" : "",
    old.some(isModulesGone) && verdict !== "outdated" ? `modules of kernel ${running} are gone` : "",
    old.some(({ kind }) => kind === "microcode") ? microcodeWords(scan) : "",
    scan.reboot.required === true ? "reboot required" : "",
    configWords(scan),
    unsure > 0 ? `${unsure} could not be told` : "",
    scan.unreadable.length > 0 ? `${plural(scan.unreadable.length, "process", "processes")} not readable` : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function isModulesGone({ kind, verdict }: Finding): boolean {
  return kind === "kernel" && verdict === "removed";
}

function microcodeWords({ host: { microcode } }: Scan): string {
  return `microcode ${microcode?.running ?? "unknown"} is not the one that would be loaded next (${microcode?.offered ?? "unknown"})`;
}

function configWords({ config }: Scan): string {
  if (config === undefined) return "";
  return config.verdict === "invalid"
    ? `agent's file invalid, nothing is done here (${config.why})`
    : "agent's file not readable";
}

const KINDS: readonly FindingKind[] = ["service", "xinetd-session", "application", "kernel", "microcode"];

/** `'label'=value[UOM];[warn];[crit];[min]` */
function performance({ findings, unreadable, elapsedMs }: Scan): string {
  const old = findings.filter(isOld);
  return [
    ...KINDS.map((kind) => `'${kind}'=${old.filter((finding) => finding.kind === kind).length};;;0`),
    `'unknown'=${findings.length - old.length};;;0`,
    `'unreadable'=${unreadable.length};;;0`,
    `'time'=${elapsedMs / 1000}s;;;0`,
  ].join(" ");
}

/** Plugins are cut off by those who run them: the full list is in `--format json`. */
const MOST_LINES = 100;

function details({ findings, reboot, notes }: Scan): readonly string[] {
  const lines = [
    ...ownerGroups(findings).map(ownerLine),
    ...reboot.reasons.map((reason) => `reboot: ${reason}`),
    ...notes.map((note) => `note: ${note}`),
  ];
  const more = lines.length - MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `and ${more} more (--format json lists all)`] : lines;
}

function ownerLine({ owner, first: { remedy }, findings, verdict }: OwnerGroup): string {
  const action = remedy.automatic ? actionWords(remedy) : `nothing automatic: ${remedy.reason}`;
  const processes = findings.filter(({ process }) => process !== null).length;
  const who = processes === 0 ? verdict : `${plural(processes, "process", "processes")} ${verdict}`;
  return `${ownerName(owner)} (${who}): ${action}`;
}

const LONGEST_LINE = 500;

/** Without `|`, which would begin performance data. */
function plain(line: string): string {
  const text = line.replaceAll("|", "\\u{7c}").replaceAll("\n", " ");
  return text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE).toWellFormed()}...` : text;
}
