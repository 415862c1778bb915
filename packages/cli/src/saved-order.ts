import {
  LONGEST_DELAY_MS,
  LONGEST_MESSAGE,
  LONGEST_REBOOT_MS,
  REBOOT_METHODS,
  REBOOT_MODES,
  type RebootOrder,
} from "@afterpatch/core/plan/reboot";
import { FILTER_REMEDIES, type Filter, FINDING_KINDS, NO_FILTER } from "@afterpatch/core/plan/filter";
import {
  NO_SCOPE,
  type Scope,
  type ScopeGroup,
  type ScopeHost,
  type ScopeInventory,
  scopeMistake,
} from "@afterpatch/core/fleet/scope";
import type { FleetOrder } from "./connection.ts";

/** The order of a plan that was kept, or null where it is none: a word or number of it that is unknown is never guessed. */
export function orderIn(value: unknown): FleetOrder | null {
  if (!isObject(value)) return null;
  const { pattern, serial, rolloutFile } = value;
  const [reboot, filter, scope] = [rebootIn(value.reboot), filterIn(value.filter), scopeIn(value.scope)];
  if (typeof pattern !== "string" || typeof serial !== "string" || typeof rolloutFile !== "string") return null;
  return reboot && filter && scope && { pattern, serial, rolloutFile, reboot, filter, retryOf: "", scope };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Absent in plans that an older version kept. */
function scopeIn(value: unknown): Scope | null {
  if (value === undefined) return NO_SCOPE;
  if (!isObject(value)) return null;
  const limits = textsIn(value.limits);
  const inventory = value.inventory === null ? null : inventoryIn(value.inventory);
  if (!limits || inventory === undefined) return null;
  const scope = { limits, inventory };
  return scopeMistake(scope) === null ? scope : null;
}

function inventoryIn(value: unknown): ScopeInventory | undefined {
  if (!isObject(value) || !Array.isArray(value.hosts) || !Array.isArray(value.groups)) return undefined;
  const hosts = value.hosts.map(scopeHostIn);
  const groups = value.groups.map(scopeGroupIn);
  const isWhole = hosts.every((host) => host !== null) && groups.every((group) => group !== null);
  return isWhole ? { hosts, groups } : undefined;
}

function scopeHostIn(value: unknown): ScopeHost | null {
  if (!isObject(value) || !isObject(value.labels)) return null;
  const { name, address } = value;
  const labels = Object.entries(value.labels).filter(
    (label): label is [string, string] => typeof label[1] === "string",
  );
  if (typeof name !== "string" || typeof address !== "string") return null;
  return labels.length < Object.keys(value.labels).length
    ? null
    : { name, address, labels: Object.fromEntries(labels) };
}

function scopeGroupIn(value: unknown): ScopeGroup | null {
  if (!isObject(value) || typeof value.name !== "string" || !Array.isArray(value.members)) return null;
  const { name, members } = value;
  return members.every((member) => typeof member === "number") ? { name, members } : null;
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
