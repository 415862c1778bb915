import { MOST_CVES } from "./cve/changelog.ts";
import { type Finding, type FoundFile, type FoundPackage, type FoundTransaction, REMEDIES, VERDICTS } from "./scan.ts";
import { visible } from "./text.ts";

// Narrowing of untrusted JSON, one value each. `at` is the field's name for the error.

/** Longest list of findings or processes, and of everything else. A host has at most 4 million pids, and a report 4 MiB. */
export const MANY = 100_000;
export const SOME = 4096;
const LONGEST_TEXT = 64 * 1024;

const OWNERS = [
  "service",
  "xinetd-session",
  "socket-session",
  "application",
  "user-session",
  "container",
  "virtual-machine",
  "init",
  "kernel",
] as const;
const MANAGERS = ["systemd", "sysv", "openrc", "runit", "s6", "supervisord", "xinetd", "inetd"] as const;
const FINDINGS = ["service", "xinetd-session", "application", "kernel", "microcode"] as const;
const FILES = ["executable", "library", "script", "archive"] as const;

export function record(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${at}: expected an object`);
  // A null prototype, so that a missing field is never found on Object.prototype.
  return Object.assign(Object.create(null), value) as Readonly<Record<string, unknown>>; // own fields of a plain object
}

export function list<T>(
  value: unknown,
  at: string,
  most: number,
  item: (value: unknown, at: string) => T,
): readonly T[] {
  if (!Array.isArray(value)) throw new Error(`${at}: expected a list`);
  if (value.length > most) throw new Error(`${at}: more than ${most} items`);
  return value.map((element, index) => item(element, `${at}[${index}]`));
}

/** Made visible once more: nobody who reads a stored scan has to trust the host that sent it. */
export function text(value: unknown, at: string): string {
  if (typeof value !== "string") throw new Error(`${at}: expected text`);
  if (value.length > LONGEST_TEXT) throw new Error(`${at}: longer than ${LONGEST_TEXT} characters`);
  return visible(value);
}

/** A whole number from 0 to 2^53; the -0 that JSON.parse makes of `-0` is 0. */
export function count(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0)
    throw new Error(`${at}: expected a whole number that is not negative`);
  return Number(value) + 0;
}

/** Epoch milliseconds. */
export function instant(value: unknown, at: string): number {
  const ms = count(value, at);
  if (ms > 8.64e15) throw new Error(`${at}: expected epoch milliseconds`); // ECMA-262, time value range
  return ms;
}

export function flag(value: unknown, at: string): boolean {
  if (typeof value !== "boolean") throw new Error(`${at}: expected true or false`);
  return value;
}

export function oneOf<T extends string>(value: unknown, at: string, words: readonly T[]): T {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw new Error(`${at}: expected one of ${words.join(", ")}`);
  return word;
}

export function orNull<T>(value: unknown, at: string, parse: (value: unknown, at: string) => T): T | null {
  return value === null ? null : parse(value, at);
}

export function finding(value: unknown, at: string): Finding {
  const entry = record(value, at);
  const owner = record(entry.owner, `${at}.owner`);
  const remedy = record(entry.remedy, `${at}.remedy`);
  return {
    id: text(entry.id, `${at}.id`),
    verdict: oneOf(entry.verdict, `${at}.verdict`, VERDICTS),
    kind: oneOf(entry.kind, `${at}.kind`, FINDINGS),
    process: orNull(entry.process, `${at}.process`, process),
    owner: {
      kind: oneOf(owner.kind, `${at}.owner.kind`, OWNERS),
      manager: orNull(owner.manager, `${at}.owner.manager`, (word, where) => oneOf(word, where, MANAGERS)),
      name: text(owner.name, `${at}.owner.name`),
    },
    files: list(entry.files, `${at}.files`, SOME, file),
    remedy: {
      kind: oneOf(remedy.kind, `${at}.remedy.kind`, REMEDIES),
      target: text(remedy.target, `${at}.remedy.target`),
      automatic: flag(remedy.automatic, `${at}.remedy.automatic`),
      reason: text(remedy.reason, `${at}.remedy.reason`),
      ...(remedy.onRequest === true ? { onRequest: true as const } : {}),
      ...(remedy.takesAlong === undefined
        ? {}
        : { takesAlong: list(remedy.takesAlong, `${at}.remedy.takesAlong`, SOME, text) }),
      ...(remedy.after === undefined ? {} : { after: text(remedy.after, `${at}.remedy.after`) }),
    },
  };
}

function process(value: unknown, at: string): NonNullable<Finding["process"]> {
  const entry = record(value, at);
  return {
    pid: count(entry.pid, `${at}.pid`),
    startTicks: count(entry.startTicks, `${at}.startTicks`),
    startedAt: instant(entry.startedAt, `${at}.startedAt`),
    user: text(entry.user, `${at}.user`),
    executable: text(entry.executable, `${at}.executable`),
    command: text(entry.command, `${at}.command`),
  };
}

function file(value: unknown, at: string): FoundFile {
  const entry = record(value, at);
  const buildId = record(entry.buildId, `${at}.buildId`);
  return {
    path: text(entry.path, `${at}.path`),
    kind: oneOf(entry.kind, `${at}.kind`, FILES),
    verdict: oneOf(entry.verdict, `${at}.verdict`, VERDICTS),
    ...(entry.evidence === undefined ? {} : { evidence: text(entry.evidence, `${at}.evidence`) }),
    buildId: {
      mapped: orNull(buildId.mapped, `${at}.buildId.mapped`, text),
      onDisk: orNull(buildId.onDisk, `${at}.buildId.onDisk`, text),
    },
    ...(entry.image === undefined ? {} : { image: image(entry.image, `${at}.image`) }),
    package: orNull(entry.package, `${at}.package`, packageOf),
    cves: orNull(entry.cves, `${at}.cves`, (cves, where) => list(cves, where, MOST_CVES, text)),
  };
}

function image(value: unknown, at: string): NonNullable<FoundFile["image"]> {
  const entry = record(value, at);
  return { running: text(entry.running, `${at}.running`), named: orNull(entry.named, `${at}.named`, text) };
}

function packageOf(value: unknown, at: string): FoundPackage {
  const entry = record(value, at);
  return {
    name: text(entry.name, `${at}.name`),
    from: orNull(entry.from, `${at}.from`, text),
    to: orNull(entry.to, `${at}.to`, text),
    installedAt: orNull(entry.installedAt, `${at}.installedAt`, instant),
    ...(entry.transaction == null ? {} : { transaction: transactionOf(entry.transaction, `${at}.transaction`) }),
  };
}

function transactionOf(value: unknown, at: string): FoundTransaction {
  const entry = record(value, at);
  return {
    tool: oneOf(entry.tool, `${at}.tool`, ["apt", "zypper"]),
    startedAt: instant(entry.startedAt, `${at}.startedAt`),
    command: orNull(entry.command, `${at}.command`, text),
    user: orNull(entry.user, `${at}.user`, text),
  };
}
