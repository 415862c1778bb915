import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import type { Finding } from "@afterpatch/core/scan";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";

/** A workshop with a program `daemon`, and what scans of this host find of the processes of its programs. */
export interface ScannedWorkshop {
  shop(): Workshop;
  /** A path in its folder. */
  at(path: string): string;
  /** Mounts until the tests end; the last argument is the mount point. */
  mount(...args: readonly [...string[], string]): void;
  /** Of each file that a process has old, by its path in the folder. */
  verdicts(pid: number): Readonly<Record<string, string>>;
}

/** `describe` with a workshop, where one can be had; elsewhere skipped under a name that says why, and failed in CI. */
export function describeScans(name: string, body: (workshop: ScannedWorkshop) => void): void {
  const missing = whatIsMissing();
  if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());
  describe.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, () =>
    body(scannedWorkshop()),
  );
}

export function findingOf(pid: number): Finding | null {
  const { findings } = scanHost({ hostId: null, name: "here", now: Date.now });
  return findings.find(({ process }) => process?.pid === pid) ?? null;
}

function scannedWorkshop(): ScannedWorkshop {
  let opened: Workshop | undefined;
  const mounted: string[] = [];
  const shop = () => {
    if (opened === undefined) throw new Error("the workshop is not open yet");
    return opened;
  };

  beforeAll(() => {
    opened = openWorkshop();
    opened.program("daemon");
  });
  afterAll(async () => {
    await shop().end();
    for (const point of mounted.toReversed()) execFileSync("umount", ["-l", point]);
    await shop().close();
  });

  return {
    shop,
    at: (path) => join(shop().folder, path),
    mount: (...args) => {
      execFileSync("mount", args);
      mounted.push(args.at(-1) ?? "");
    },
    verdicts: (pid) => {
      const files = findingOf(pid)?.files ?? [];
      return Object.fromEntries(files.map(({ path, verdict }) => [path.replace(`${shop().folder}/`, ""), verdict]));
    },
  };
}
