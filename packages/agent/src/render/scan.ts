import type { Finding, Scan } from "@afterpatch/core/scan";
import { plural, processesLine, rows } from "./words.ts";

/** A scan for a person: what is old by owner, what could not be seen, and what to do next. */
export function renderScan(scan: Scan, isRoot: boolean): string {
  const groups = [...Map.groupBy(scan.findings, ({ owner }) => JSON.stringify([owner.kind, owner.name])).values()];
  const parts = [headline(scan), ...groups.map(renderOwner), notSeen(scan, isRoot), same(scan), next(scan)];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function headline({ host, findings, processes, unreadable }: Scan): string {
  const old = findings.filter(({ verdict }) => verdict !== "unknown").length;
  const isSure = findings.length === old && unreadable.length === 0;
  const nothing = isSure
    ? "nothing runs old code"
    : "nothing was found that runs old code, but not everything could be seen";
  const what = old === 0 ? nothing : `${plural(old, "process", "processes")} ${old === 1 ? "runs" : "run"} old code`;
  const kernel = `kernel ${host.kernel.running}${host.kernel.verdict === "unknown" ? " (not compared with what would boot next)" : ""}`;
  return `${host.name}: ${what}\n${host.os}, ${kernel}, ${processesLine(processes)}`;
}

function renderOwner(group: readonly Finding[]): string {
  const [first] = group;
  if (!first) return "";
  const lines = group.flatMap(({ process, files, verdict }) =>
    files.map((file, index) => [
      index === 0 && process ? `pid ${process.pid}` : "",
      index === 0 ? (process?.user ?? "") : "",
      index === 0 ? verdict : file.verdict,
      file.path,
    ]),
  );
  return [`${ownerName(first)}: ${action(first)}`, ...rows(lines).map((line) => `  ${line}`)].join("\n");
}

/** `ssh.service`, or with what kind of thing it is where its name does not tell. */
function ownerName({ owner }: Finding): string {
  switch (owner.kind) {
    case "service":
      return owner.name;
    case "init":
      return `${owner.name} (PID 1)`;
    case "xinetd-session":
      return `${owner.name} (${owner.manager ?? "session"})`;
    case "application":
    case "container":
    case "kernel":
    case "socket-session":
    case "user-session":
    case "virtual-machine":
      return `${owner.name} (${owner.kind})`;
  }
}

function action({ remedy }: Finding): string {
  if (!remedy.automatic) return `nothing automatic. ${remedy.reason}`;
  return remedy.kind === "reexec" ? "reexec" : `${remedy.kind} ${remedy.target}`;
}

const SHOWN = 5;

function notSeen({ unreadable }: Scan, isRoot: boolean): string {
  if (unreadable.length === 0) return "";
  const shown = rows(unreadable.slice(0, SHOWN).map(({ pid, why }) => [`pid ${pid}`, why]));
  const more = unreadable.length > SHOWN ? [`  and ${unreadable.length - SHOWN} more (--format json lists all)`] : [];
  const head = `Not readable, so not known: ${plural(unreadable.length, "process", "processes")}${isRoot ? "" : "; run as root to see all"}`;
  return [head, ...shown.map((line) => `  ${line}`), ...more].join("\n");
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
