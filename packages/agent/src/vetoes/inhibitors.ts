import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { visible } from "@afterpatch/core/text";

/** What logind and elogind keep of each lock, see inhibitor_save() of systemd. A D-Bus call would say the same, but a restart may be about D-Bus. */
const DIRECTORY = "/run/systemd/inhibit";

const LONGEST_WORD = 100;

/**
 * Who holds off shutdown or sleep, or null. Only locks of mode `block` count: those of mode `delay` ask for some seconds.
 * Whoever took one is in the middle of something that must not be cut off: a backup, a package run, a machine's guest.
 */
export function inhibitor(directory = DIRECTORY): string | null {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    return `${directory} cannot be read (${codeOf(error)}), so nobody knows who holds off a shutdown`;
  }
  // The other files, NAME.ref, are FIFOs that keep a lock alive.
  for (const name of names.filter((one) => /^[0-9]+$/.test(one)).toSorted()) {
    try {
      const held = inhibitorOf(readFileSync(join(directory, name), "utf8"));
      if (held !== null) return held;
    } catch (error) {
      if (codeOf(error) !== "ENOENT") return `${join(directory, name)} cannot be read (${codeOf(error)})`;
    }
  }
  return null;
}

/** A sentence about the lock that a file's text tells of; null where it stops nothing of ours. */
export function inhibitorOf(text: string): string | null {
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const equals = line.indexOf("=");
      return line.startsWith("#") || equals < 0
        ? []
        : [[line.slice(0, equals), unquoted(line.slice(equals + 1))] as const];
    }),
  );
  const what = (values.get("WHAT") ?? "").split(":").filter((word) => word === "shutdown" || word === "sleep");
  if (what.length === 0 || !(values.get("MODE") ?? "").startsWith("block")) return null;
  const who = shown(values.get("WHO") ?? "") || "a program";
  const why = shown(values.get("WHY") ?? "");
  const pid = /^[0-9]+$/.test(values.get("PID") ?? "") ? ` (pid ${values.get("PID")})` : "";
  return `${who}${pid} holds off ${what.join(" and ")}${why === "" ? "" : `: ${why}`}`;
}

/** Older versions escape as C does, newer ones quote besides; only for people, so what is not known stays as it is. */
function unquoted(value: string): string {
  const inner = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  return inner.replace(
    /\\(?:x([0-9a-f]{2})|(["'\\$`]))/g,
    (_all, hex: string | undefined, character: string | undefined) =>
      hex === undefined ? (character ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function shown(text: string): string {
  return visible(text.length > LONGEST_WORD ? `${text.slice(0, LONGEST_WORD).toWellFormed()}...` : text);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}
