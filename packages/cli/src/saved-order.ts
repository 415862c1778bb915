import {
  LONGEST_DELAY_MS,
  LONGEST_MESSAGE,
  LONGEST_REBOOT_MS,
  REBOOT_METHODS,
  REBOOT_MODES,
  type RebootOrder,
} from "@afterpatch/core/plan/reboot";
import { FILTER_REMEDIES, type Filter, FINDING_KINDS, NO_FILTER } from "@afterpatch/core/plan/filter";
import type { FleetOrder } from "./connection.ts";

/** The order of a plan that was kept, or null where it is none: a word or number of it that is unknown is never guessed. */
export function orderIn(value: unknown): FleetOrder | null {
  if (!isObject(value)) return null;
  const { pattern, serial, rolloutFile } = value;
  const [reboot, filter] = [rebootIn(value.reboot), filterIn(value.filter)];
  if (typeof pattern !== "string" || typeof serial !== "string" || typeof rolloutFile !== "string") return null;
  return reboot && filter && { pattern, serial, rolloutFile, reboot, filter, retryOf: "" };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function rebootIn(value: unknown): RebootOrder | null {
  if (!isObject(value)) return null;
  const { sessionsFirst, message, delayMs, withinMs, settleMs } = value;
  const mode = REBOOT_MODES.find((known) => known === value.mode);
  const method = REBOOT_METHODS.find((known) => known === value.method);
  if (!mode || !method || typeof sessionsFirst !== "boolean") return null;
  if (typeof message !== "string" || message.length > LONGEST_MESSAGE) return null;
  if (!isTime(delayMs, LONGEST_DELAY_MS) || !isTime(withinMs, LONGEST_REBOOT_MS)) return null;
  if (!isTime(settleMs, LONGEST_REBOOT_MS)) return null;
  return { mode, method, sessionsFirst, message, delayMs, withinMs, settleMs };
}

function isTime(value: unknown, most: number): value is number {
  return typeof value === "number" && value >= 0 && value <= most;
}

function filterIn(value: unknown): Filter | null {
  if (!isObject(value)) return null;
  const only = wordsIn(value.only, FILTER_REMEDIES);
  const kinds = wordsIn(value.kinds, FINDING_KINDS);
  const [packages, libraries, units] = [textsIn(value.packages), textsIn(value.libraries), textsIn(value.units)];
  const [restarts, cves] = [textsIn(value.restarts ?? []), textsIn(value.cves ?? [])];
  if (!only || !kinds || !packages || !libraries || !units || !restarts || !cves) return null;
  return { ...NO_FILTER, only, kinds, packages, libraries, units, restarts, cves };
}

function textsIn(value: unknown): readonly string[] | null {
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : null;
}

function wordsIn<T extends string>(value: unknown, words: readonly T[]): readonly T[] | null {
  const known = textsIn(value)?.map((text) => words.find((word) => word === text));
  return known === undefined || known.includes(undefined) ? null : known.filter((word) => word !== undefined);
}
