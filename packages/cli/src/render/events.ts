import type { FleetEventDocument } from "../documents/events.ts";
import type { Paint } from "../shell.ts";
import { tally } from "./table.ts";
import { instant } from "./time.ts";

/** One line an event: what comes later is not known, so that no column is as wide as its widest. */
export function renderEvent(event: FleetEventDocument, paint: Paint): string {
  const { seq, at, type, host, hostId, rollout, actor, details } = event;
  // People know hosts by their names.
  const by = actor !== null && actor === `host/${hostId}` && host !== null ? `host/${host}` : actor;
  const whose = [host ?? "-", rollout, by === null ? null : `by ${by}`].filter((part) => part !== null);
  const shown = Object.entries(details).filter(([key, one]) => !HIDDEN.has(key) && one !== null);
  const words = shown.map(([key, one]) => `${key}=${textOf(key, one)}`);
  return `${[String(seq).padStart(6), paint("dim", instant(at)), paint("bold", type), ...whose, ...words].join("  ")}\n`;
}

function textOf(key: string, one: unknown): string {
  if (typeof one === "number" && (key.endsWith("At") || key === "notAfter")) return instant(one);
  if (key === "findings") return tally(countsIn(one)) || "none";
  return JSON.stringify(one);
}

function countsIn(value: unknown): Readonly<Record<string, number>> {
  const counts = Object.entries(Object(value)).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  return Object.fromEntries(counts);
}

/** Of the audit log, or said already. */
const HIDDEN: ReadonlySet<string> = new Set(["sha256", "event", "hostId", "name", "shown", "serial"]);
