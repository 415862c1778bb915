import type { HasFix } from "../look/fixes.ts";
import type { FileUser, UsersDocument } from "../look/users.ts";
import { ownerName } from "./owners.ts";
import { plural, rows } from "./words.ts";

/** Who has files mapped, for a person: by file, old copies first. */
export function renderUsers(document: UsersDocument): string {
  const { host, users, unmapped, unreadable } = document;
  const files = Map.groupBy(users, ({ file }) => file.path);
  const old = users.filter(({ file }) => file.copy === "old");
  const isRead = users.some(({ file }) => file.kind === "script" || file.kind === "archive");
  const who = `${plural(countOf(users), "process has", "processes have")} ${files.size === 1 ? "it" : "them"} ${isRead ? "mapped or read" : "mapped"}`;
  const parts = [
    document.asked.cve === null
      ? `${host.name}: ${who}, ${old.length === 0 ? "none" : countOf(old)} of them an old copy`
      : aboutCve(document),
    ...[...files].map(([path, members]) => [path, ...rows(members.map(row)).map((line) => `  ${line}`)].join("\n")),
    unmapped.length === 0
      ? ""
      : ["Mapped by no process that could be read:", ...unmapped.map((path) => `  ${path}`)].join("\n"),
    unreadable.length === 0
      ? ""
      : `Not readable, so not known: ${plural(unreadable.length, "process", "processes")}; 'afterpatch-agent scan' says why.`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** What fixed it, and how many run without the fix; of whom nobody knows is said apart. */
function aboutCve({ host, asked, users, fixes, kernelFix }: UsersDocument): string {
  const counted = (fix: HasFix) => countOf(users.filter(({ file }) => file.fix === fix));
  const [missing, unknown, present] = [counted("missing"), counted("unknown"), counted("present")];
  const kernel = kernelFix === null ? [] : [`The running kernel ${KERNEL[kernelFix]}.`];
  const none = users.length === 0 && kernelFix === null ? ["No process has a file of it mapped."] : [];
  return [
    `${host.name}: ${asked.cve} was fixed in ${fixes.map(fixText).join(", ")}`,
    ...kernel,
    ...none,
    ...(missing > 0 ? [`Without the fix: ${plural(missing, "process", "processes")}.`] : []),
    ...(unknown > 0 ? [`Not known whether with the fix: ${plural(unknown, "process", "processes")}.`] : []),
    ...(present > 0 ? [`With the fix: ${plural(present, "process", "processes")}.`] : []),
  ].join("\n");
}

const KERNEL = {
  present: "has the fix",
  missing: "is without the fix, until a reboot",
  unknown: "cannot be told to have the fix",
} as const;

function fixText({ package: name, version, fixedIn }: UsersDocument["fixes"][number]): string {
  return version === fixedIn ? `${name} ${version}` : `${name} ${fixedIn} (installed: ${version ?? "half of one"})`;
}

function countOf(users: readonly FileUser[]): number {
  return new Set(users.map(({ process }) => process.pid)).size;
}

const FIX_WORDS = { present: "fixed", missing: "NOT FIXED", unknown: "not known" } as const;
const SHORT_ID = 12;
const LONGEST_COMMAND = 60;

function row({ process, owner, file }: FileUser): readonly string[] {
  const { pid, user, command, executable } = process;
  const shown = command === "" ? executable : command;
  return [
    ...(file.fix === null ? [] : [FIX_WORDS[file.fix]]),
    file.copy,
    file.verdict ?? (file.copy === "new" ? "on disk" : "not compared"),
    file.buildId.mapped?.slice(0, SHORT_ID) ?? "-",
    `pid ${pid}`,
    user,
    ownerName(owner),
    shown.length > LONGEST_COMMAND ? `${shown.slice(0, LONGEST_COMMAND).toWellFormed()}...` : shown,
  ];
}
