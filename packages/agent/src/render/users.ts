import type { FileUser, UsersDocument } from "../look/users.ts";
import { ownerName } from "./owners.ts";
import { plural, rows } from "./words.ts";

/** Who has files mapped, for a person: by file, old copies first. */
export function renderUsers({ host, users, unmapped, unreadable }: UsersDocument): string {
  const files = Map.groupBy(users, ({ file }) => file.path);
  const old = users.filter(({ file }) => file.copy === "old");
  const who = `${plural(countOf(users), "process has", "processes have")} ${files.size === 1 ? "it" : "them"} mapped`;
  const parts = [
    `${host.name}: ${who}, ${old.length === 0 ? "none" : countOf(old)} of them an old copy`,
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

function countOf(users: readonly FileUser[]): number {
  return new Set(users.map(({ process }) => process.pid)).size;
}

const SHORT_ID = 12;
const LONGEST_COMMAND = 60;

function row({ process, owner, file }: FileUser): readonly string[] {
  const { pid, user, command, executable } = process;
  const shown = command === "" ? executable : command;
  return [
    file.copy,
    file.verdict ?? (file.copy === "new" ? "on disk" : "not compared"),
    file.buildId.mapped?.slice(0, SHORT_ID) ?? "-",
    `pid ${pid}`,
    user,
    ownerName(owner),
    shown.length > LONGEST_COMMAND ? `${shown.slice(0, LONGEST_COMMAND).toWellFormed()}...` : shown,
  ];
}
