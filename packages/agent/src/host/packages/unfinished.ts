import { lstatSync } from "node:fs";
import { join } from "node:path";
import { judgeUnfinished, type UnfinishedVerdict, unfinishedPackages } from "@afterpatch/core/packages/unfinished";
import { visible } from "@afterpatch/core/text";
import { allowance, readRegular } from "./bytes.ts";

const LONGEST_STATUS = 64 * 1024 * 1024;

/** Packages that were given up, as sentences that stay the same for as long as it is so. */
export function givenUpIn(directory: string, now: number): readonly string[] {
  return unfinishedIn(directory, now).givenUp.map(({ name, state, unpackedAt }) => {
    const at = new Date(unpackedAt).toISOString().replace(/\.\d+Z$/, "Z");
    return `package ${visible(name)} was unpacked ${at} and is ${state} since; it holds nothing off, see dpkg --audit`;
  });
}

/**
 * What packages that dpkg has not brought to an end mean for acting now; `directory` is that of its status. Throws an
 * error with a code where the status is there and cannot be read, and errors of system calls.
 */
export function unfinishedIn(directory: string, now: number): UnfinishedVerdict {
  const read = readRegular(join(directory, "status"), LONGEST_STATUS, allowance());
  if (read.kind === "missing") return { holdsOff: null, givenUp: [] };
  if (read.kind === "unreadable") {
    throw Object.assign(new Error(`${join(directory, "status")}: ${read.why}`), { code: "unreadable" });
  }
  const packages = unfinishedPackages(read.text).map((one) => {
    return { ...one, unpackedAt: listWrittenAt(directory, `${one.name}:${one.architecture}`, one.name) };
  });
  return judgeUnfinished(packages, Number(read.stat.mtimeMs), now);
}

/** dpkg writes the list of a package's files when it has unpacked them, and not again when it configures it. */
function listWrittenAt(directory: string, ...names: readonly string[]): number | null {
  for (const name of names) {
    // It is no name of a file then: nobody knows.
    if (!/^[a-z0-9][a-z0-9+.:-]*$/i.test(name)) continue;
    const stat = lstatSync(join(directory, "info", `${name}.list`), { throwIfNoEntry: false });
    if (stat) return stat.mtimeMs;
  }
  return null;
}
