import { readFileSync } from "node:fs";
import { visible } from "@afterpatch/core/text";

/** Where whoever schedules a shutdown leaves word of it, so that tests have their own. */
export interface Schedules {
  /** Of logind, shutdown(8): lines NAME=VALUE. */
  readonly systemd: string;
  /** Of sysvinit's shutdown: the pid of the one that waits. */
  readonly sysvinit: string;
}

const SCHEDULES: Schedules = { systemd: "/run/systemd/shutdown/scheduled", sysvinit: "/run/shutdown.pid" };

const LONGEST_MESSAGE = 200;

/** The shutdown that a person has scheduled, as a sentence, or null: theirs is the one that counts, sooner or later. */
export function scheduledShutdown(places: Schedules = SCHEDULES): string | null {
  const scheduled = textOf(places.systemd);
  if (scheduled.kind === "unreadable") return `${places.systemd} cannot be read (${scheduled.why})`;
  if (scheduled.kind === "text") return scheduledText(scheduled.text);
  const waiting = textOf(places.sysvinit);
  if (waiting.kind === "unreadable") return `${places.sysvinit} cannot be read (${waiting.why})`;
  const pid = waiting.kind === "text" ? /^\s*([1-9][0-9]{0,9})\s*$/.exec(waiting.text)?.[1] : undefined;
  const comm = pid === undefined ? null : textOf(`/proc/${pid}/comm`);
  // Left behind by one that was killed, or another program has got its number.
  if (comm?.kind !== "text" || comm.text.trim() !== "shutdown") return null;
  return `a shutdown is scheduled (pid ${pid}); 'shutdown -c' cancels it`;
}

/** Of the text of logind's file. */
export function scheduledText(text: string): string {
  const values = new Map(text.split("\n").map((line) => line.split(/=(.*)/s, 2) as [string, string | undefined]));
  const value = (name: string) => values.get(name) ?? "";
  const at = Number(value("USEC")) / 1000;
  // A Date holds 8.64e15 ms on either side of 1970.
  const when =
    at > 0 && at < 8.64e15
      ? ` for ${new Date(at)
          .toISOString()
          .replace(/:[0-9.]+Z$/, " UTC")
          .replace("T", " ")}`
      : "";
  const what = /^[a-z-]+$/.test(value("MODE")) ? value("MODE") : "shutdown";
  const message = value("WALL_MESSAGE").slice(0, LONGEST_MESSAGE).toWellFormed();
  const who = /^[0-9]+$/.test(value("UID")) ? ` by uid ${value("UID")}` : "";
  return `a ${what} is scheduled${when}${who}${message === "" ? "" : ` (${visible(message)})`}; 'shutdown -c' cancels it`;
}

type Read =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "none" }
  | { readonly kind: "unreadable"; readonly why: string };

function textOf(path: string): Read {
  try {
    return { kind: "text", text: readFileSync(path, "utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : null;
    if (code === null) throw error;
    return code === "ENOENT" || code === "ENOTDIR" || code === "ESRCH"
      ? { kind: "none" }
      : { kind: "unreadable", why: code };
  }
}
