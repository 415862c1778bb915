import { existsSync, readFileSync } from "node:fs";
import { visible } from "@afterpatch/core/text";
import { run } from "../effects/run.ts";

const TIMEOUT_MS = 10_000;
const SHOWN = 5;

/** Somebody who is logged in: `alice on pts/0 from 192.0.2.7`. */
export interface Login {
  readonly user: string;
  readonly place: string;
}

/**
 * Who is logged in, as a sentence, or null. The session that this very program runs in does not count: whoever types
 * `apply` is logged in.
 */
export async function usersLoggedIn(): Promise<string | null> {
  const logins = existsSync("/run/systemd/system") ? await fromLogind() : fromUtmp();
  if (typeof logins === "string") return logins;
  if (logins.length === 0) return null;
  const names = logins.slice(0, SHOWN).map(({ user, place }) => visible(place === "" ? user : `${user} on ${place}`));
  const more = logins.length > SHOWN ? ` and ${logins.length - SHOWN} more` : "";
  return `${names.join(", ")}${more} ${logins.length === 1 ? "is" : "are"} logged in (vetoes.usersLoggedIn)`;
}

async function fromLogind(): Promise<readonly Login[] | string> {
  const listed = await run("loginctl", ["list-sessions", "--no-legend", "--no-pager"], TIMEOUT_MS);
  if (listed.status !== 0) return unknown(listed.complaint);
  const own = ownSession();
  const ids = listed.stdout.split("\n").flatMap((line) => line.trim().split(/\s+/)[0] || []);
  const others = ids.filter((id) => /^[A-Za-z0-9]+$/.test(id) && id !== own);
  if (others.length === 0) return [];
  const wanted = ["Id", "Name", "Class", "State", "TTY", "RemoteHost"].map((name) => `--property=${name}`);
  const shown = await run("loginctl", ["show-session", "--no-pager", ...wanted, "--", ...others], TIMEOUT_MS);
  // A session that ended meanwhile makes it fail and the others are told nevertheless.
  if (shown.status === null || (shown.status !== 0 && shown.stdout.trim() === "")) return unknown(shown.complaint);
  return loginsOf(shown.stdout);
}

/** Of the text of `loginctl show-session`, one block per session. Managers, greeters and cron jobs are nobody. */
export function loginsOf(text: string): readonly Login[] {
  return text.split("\n\n").flatMap((block) => {
    const values = new Map(block.split("\n").map((line) => line.split(/=(.*)/s, 2) as [string, string | undefined]));
    const value = (name: string) => values.get(name) ?? "";
    if (!value("Class").startsWith("user") || value("State") === "closing" || value("Name") === "") return [];
    const from = value("RemoteHost") === "" ? "" : ` from ${value("RemoteHost")}`;
    return [{ user: value("Name"), place: `${value("TTY") || `session ${value("Id")}`}${from}` }];
  });
}

/** The session this process belongs to, as pam_systemd told the kernel through the control group. */
function ownSession(): string | null {
  const groups = readFileSync("/proc/self/cgroup", "utf8");
  return /\/session-([A-Za-z0-9]+)\.scope(?:\/|$)/m.exec(groups)?.[1] ?? null;
}

function fromUtmp(): readonly Login[] | string {
  try {
    const isAlive = (pid: number) => existsSync(`/proc/${pid}`);
    return loginsOfUtmp(readFileSync("/run/utmp"), isAlive, ownTerminal());
  } catch (error) {
    return unknown(error instanceof Error ? error.message : String(error));
  }
}

const RECORD_BYTES = 384;
const USER_PROCESS = 7;

/** Records of utmp(5) as glibc has them on every architecture with 32-bit times in them. */
export function loginsOfUtmp(bytes: Buffer, isAlive: (pid: number) => boolean, own: string | null): readonly Login[] {
  const logins: Login[] = [];
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const text = (from: number, length: number) =>
      bytes.toString("latin1", at + from, at + from + length).split("\0", 1)[0] ?? "";
    if (bytes.readInt16LE(at) !== USER_PROCESS || !isAlive(bytes.readInt32LE(at + 4))) continue;
    const line = text(8, 32);
    if (line === own) continue;
    const host = text(76, 256);
    logins.push({ user: text(44, 32), place: host === "" ? line : `${line} from ${host}` });
  }
  return logins;
}

/** `pts/0`, of the terminal that this process reads from. */
function ownTerminal(): string | null {
  if (!process.stdin.isTTY) return null;
  const [, , , , , , terminal] = readFileSync("/proc/self/stat", "latin1")
    .replace(/^.*\) /s, "x x ")
    .split(" ");
  const device = Number(terminal);
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  return major === 4 && minor < 64 ? `tty${minor}` : null;
}

function unknown(why: string): string {
  return `who is logged in cannot be told: ${visible(why)} (vetoes.usersLoggedIn)`;
}
