import type { Finding, Scan } from "@afterpatch/core/scan";
import { isOld } from "./owners.ts";

/**
 * The lines of `needrestart -b`, for programs that read those. Two differences, so that nothing disappears: processes
 * that no service manager owns are listed as PID lines for root too, and sessions of a super-server are PID lines and
 * never its service, whose restart would not replace them.
 */
export function needrestartBatch({ host, findings }: Scan, version: string): string {
  const old = findings.filter(isOld);
  const { running, expected, verdict } = host.kernel;
  return [
    line("VER", version),
    ...pidLines(old.filter(isLoose)),
    line("KCUR", running),
    ...(expected === null ? [] : [line("KEXP", expected)]),
    line("KSTA", verdict === "unknown" ? "0" : verdict === "current" ? "1" : running === expected ? "2" : "3"),
    ...microcodeLines(host.microcode),
    ...named("SVC", old, serviceOf),
    ...named("CONT", old, ({ owner }) => (owner.kind === "container" ? containerOf(owner.name) : null)),
    ...named("SESS", old, sessionOf),
  ].join("");
}

/** 0 not known, 1 current, 2 obsolete. */
function microcodeLines(microcode: Scan["host"]["microcode"]): string[] {
  const { verdict, running, offered } = microcode ?? { verdict: "unknown", running: null, offered: null };
  if (verdict === "unknown") return [line("UCSTA", "0")];
  const expected = offered ?? (verdict === "current" ? running : null);
  return [
    line("UCSTA", verdict === "current" ? "1" : "2"),
    line("UCCUR", running ?? ""),
    line("UCEXP", expected ?? ""),
  ];
}

function line(key: string, value: string): string {
  return `NEEDRESTART-${key}: ${value.replaceAll("\n", " ")}\n`;
}

function named(key: string, findings: readonly Finding[], nameOf: (finding: Finding) => string | null): string[] {
  const names = new Set(findings.flatMap((finding) => nameOf(finding) ?? []));
  return [...names].sort().map((name) => line(key, name));
}

/** As needrestart names it; null where it is no service of the host. */
function serviceOf({ owner }: Finding): string | null {
  if (owner.kind === "init") return owner.manager === "systemd" ? "systemd-manager" : owner.name;
  return owner.kind === "service" && !isUsers(owner.name) ? owner.name : null;
}

/** `docker:0123` is `docker 0123`: a kind, a blank, a name. */
function containerOf(name: string): string {
  const [, engine, rest] = /^(\w+):(.+)$/.exec(name) ?? [];
  return engine === undefined || rest === undefined || engine === "pid" ? `container ${name}` : `${engine} ${rest}`;
}

/** `USER @ session #N`, `USER @ user manager service`, `USER @ user service` */
function sessionOf({ owner, process }: Finding): string | null {
  const user = process?.user ?? "?";
  if (owner.kind === "user-session") {
    return `${user} @ session #${/^session-(.+)\.scope$/.exec(owner.name)?.[1] ?? owner.name}`;
  }
  if (owner.kind !== "service" || !isUsers(owner.name)) return null;
  return `${user} @ ${owner.name.includes("/") ? "user service" : "user manager service"}`;
}

/** A user's own manager, or a unit of it. */
function isUsers(name: string): boolean {
  return /^user@[0-9]+\.service(?:\/|$)/.test(name);
}

function isLoose({ owner }: Finding): boolean {
  return owner.kind === "application" || owner.kind === "xinetd-session" || owner.kind === "socket-session";
}

function pidLines(findings: readonly Finding[]): string[] {
  const byName = Map.groupBy(findings, ({ process }) => nameOf(process?.executable ?? "?"));
  return [...byName]
    .sort()
    .map(([name, members]) => line("PID", `${name}=${members.flatMap(({ process }) => process?.pid ?? []).join(",")}`));
}

/** As needrestart prints it: what is not plain ASCII as `?`; `=` would end the name. */
function nameOf(executable: string): string {
  const name = executable.split("/").at(-1) ?? executable;
  return name.slice(0, 255).replace(/[^\x20-\x7e]|=/g, "?");
}
