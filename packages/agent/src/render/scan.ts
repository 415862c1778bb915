import type { Finding, FoundFile, Scan } from "@afterpatch/core/scan";
import { actionWords, isOld, type OwnerGroup, ownerGroups, ownerName, reasonWithCommand } from "./owners.ts";
import { atTop, plural, processesLine, rows } from "./words.ts";

/**
 * A scan for a person: what is old by owner, what could not be seen, and what to do next. `heldOff`: why nothing would be
 * done on the host; said at the top, and not among the notes again. `cve`: the findings are those alone of one CVE.
 */
export function renderScan(
  scan: Scan,
  isRoot: boolean,
  heldOff: string | null = null,
  cve: string | null = null,
): string {
  const owners = ownerGroups(scan.findings).map(renderOwner);
  const parts = [
    headline(scan, cve === null ? "old code" : `code without the fix of ${cve}`),
    ...owners,
    reboot(scan),
    notSeen(scan, isRoot),
    notKnown(scan.notes.filter((note) => note !== heldOff)),
    same(scan),
    next(scan),
  ];
  return atTop(heldOff, `${parts.filter((part) => part !== "").join("\n\n")}\n`);
}

function headline({ host, findings, processes, unreadable }: Scan, code: string): string {
  const known = findings.filter(isOld);
  const processesOld = known.filter(({ process }) => process !== null);
  const isSure = findings.length === known.length && unreadable.length === 0;
  const nothing = isSure
    ? `no${known.length > 0 ? " process" : "thing"} runs ${code}`
    : `nothing was found that runs ${code}, but not everything could be seen`;
  const what = processesOld.length === 0 ? nothing : howMany(processesOld, code);
  return `${host.name}: ${what}\n${host.os}, ${kernel(host)}, ${processesLine(processes)}`;
}

/** What is only suspected is not counted with what is proved. */
function howMany(findings: readonly Finding[], code: string): string {
  const suspected = findings.filter(({ verdict }) => verdict === "suspected").length;
  const proved = findings.length - suspected;
  const may = `${suspected === 1 ? "is" : "are"} suspected to`;
  if (proved === 0) return `${plural(suspected, "process", "processes")} ${may} run ${code}`;
  const more = suspected === 0 ? "" : `, ${suspected} more ${may}`;
  return `${plural(proved, "process", "processes")} ${proved === 1 ? "runs" : "run"} ${code}${more}`;
}

function kernel({ kernel: { running, expected, verdict, livePatches } }: Scan["host"]): string {
  const patches = livePatches ?? [];
  const patched = patches.length > 0 ? ` (live-patched: ${patches.join(", ")})` : "";
  switch (verdict) {
    case "current":
      return `kernel ${running}${patched}`;
    case "outdated":
      return `kernel ${running}${patched}, but ${expected ?? "another one"} would boot next`;
    case "unknown":
      return `kernel ${running}${patched} (not compared with what would boot next)`;
  }
}

function renderOwner({ owner, first, findings }: OwnerGroup): string {
  const lines = findings.flatMap(({ process, files, verdict }) => {
    const shown = files
      .slice(0, MOST_FILES)
      .map((file, index) => [
        index === 0 && process ? `pid ${process.pid}` : "",
        index === 0 ? (process?.user ?? "") : "",
        index === 0 ? verdict : file.verdict,
        [file.path, ...about(file)].join("  "),
      ]);
    const more = files.length - MOST_FILES;
    return more > 0
      ? [...shown, ["", "", "", `and ${plural(more, "more file", "more files")} ('afterpatch-agent why' lists all)`]]
      : shown;
  });
  return [`${ownerName(owner)}: ${action(first)}`, ...rows(lines).map((line) => `  ${line}`)].join("\n");
}

/** A program that an interpreter runs has hundreds of files, all made anew by one upgrade. */
const MOST_FILES = 10;
const MOST_CVES = 3;

/** `openssl 3.0.11-1 -> 3.0.15-1`, and what that fixed. */
function about({ package: from, cves, evidence }: FoundFile): readonly string[] {
  const versions = [
    ...(from === null ? [] : [`${from.name} ${from.from ?? "?"} -> ${from.to ?? "?"}`]),
    ...(evidence === undefined ? [] : [`(${evidence})`]),
  ];
  if (cves === null || cves.length === 0) return versions;
  const more = cves.length > MOST_CVES ? ` and ${cves.length - MOST_CVES} more` : "";
  return [...versions, `fixed: ${cves.slice(0, MOST_CVES).join(", ")}${more}`];
}

function reboot({ reboot: { required, reasons } }: Scan): string {
  if (required !== true && reasons.length === 0) return "";
  const head = required === true ? "A reboot is required:" : "About a reboot:";
  return [head, ...reasons.map((reason) => `  ${reason}`)].join("\n");
}

function action({ remedy }: Finding): string {
  return remedy.automatic ? actionWords(remedy) : `nothing automatic. ${reasonWithCommand(remedy)}`;
}

const SHOWN = 5;

function notSeen({ unreadable }: Scan, isRoot: boolean): string {
  if (unreadable.length === 0) return "";
  const shown = rows(unreadable.slice(0, SHOWN).map(({ pid, why }) => [`pid ${pid}`, why]));
  const more = unreadable.length > SHOWN ? [`  and ${unreadable.length - SHOWN} more (--format json lists all)`] : [];
  const head = `Not readable, so not known: ${plural(unreadable.length, "process", "processes")}${isRoot ? "" : "; run as root to see all"}`;
  return [head, ...shown.map((line) => `  ${line}`), ...more].join("\n");
}

/** What else could not be learnt. */
function notKnown(notes: readonly string[]): string {
  return notes.length === 0 ? "" : ["Not known:", ...notes.map((note) => `  ${note}`)].join("\n");
}

function same({ identical }: Scan): string {
  if (!identical || identical.length === 0) return "";
  return [
    "Replaced by the same content, nothing to do:",
    ...rows(identical.map(({ pid, path }) => [`  pid ${pid}`, path])),
  ].join("\n");
}

function next({ findings }: Scan): string {
  if (findings.some(({ remedy }) => remedy.automatic))
    return "Next: 'afterpatch-agent plan' shows the steps in order, 'sudo afterpatch-agent apply' takes them.";
  return findings.length > 0 ? "Next: nothing here can be done automatically; each line above says whom to ask." : "";
}
