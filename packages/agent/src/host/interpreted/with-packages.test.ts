import type { FileFacts } from "@afterpatch/core/facts";
import type { FoundPackage } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import type { Task } from "../processes.ts";
import type { Difference } from "./interpreted.ts";
import { joined, settled } from "./with-packages.ts";

const STARTED = 1_000_000;

function task(pid: number): Task {
  const stat = { comm: "perl", state: "S", ppid: 1, sid: pid, startTicks: 1, isKernelThread: false };
  return { pid, proc: `/proc/${pid}`, stat };
}

function suspected(path: string): FileFacts {
  const side = { kind: "suspected", why: "made later" } as const;
  return { path, role: "script", mapped: side, onDisk: side };
}

function installed(from: string | null, to: string | null, installedAt: number | null): FoundPackage {
  return { name: "x", from, to, installedAt };
}

/** Which files remain of one process, when `by` is the evidence and `of` their package. */
function remaining(by: Difference["by"], of: FoundPackage | undefined): readonly string[] {
  const one = task(7);
  const library: FileFacts = {
    path: "/lib.so",
    mapped: { kind: "sha256", hex: "a" },
    onDisk: { kind: "sha256", hex: "b" },
  };
  const difference = { facts: suspected("/x.pl"), holders: [one], by };
  const { files, holders, doubts } = joined({ files: [library], holders: new Map([[one, [0]]]) }, [difference]);
  const named = files.map((file) => (file.role && of ? { ...file, package: of } : file));
  const left = settled({ files: named, holders }, doubts, () => STARTED);
  return (left.holders.get(one) ?? []).map((index) => left.files[index]?.path ?? "?");
}

const both = ["/lib.so", "/x.pl"];

test.each([
  ["birth", undefined, both],
  ["birth", installed("1", "2", STARTED + 5000), both],
  ["birth", installed(null, "2", STARTED - 5000), both],
  ["birth", installed("2", "2", STARTED + 5000), ["/lib.so"]],
  ["package", undefined, ["/lib.so"]],
  ["package", installed("1", "2", STARTED + 5000), both],
  ["package", installed("1", "2", STARTED + 500), ["/lib.so"]],
  ["package", installed("1", "2", STARTED - 5000), ["/lib.so"]],
  ["package", installed(null, null, null), ["/lib.so"]],
  ["bytes", installed("2", "2", STARTED - 5000), both],
] as const)("by %s, of the package %o: %o", (by, of, left) => expect(remaining(by, of)).toEqual(left));

test("a process of which nothing remains holds nothing, and files that nobody has are not kept", () => {
  const [one, other] = [task(7), task(8)];
  const files = [suspected("/a.pl"), suspected("/b.pl")].map((facts, at) => ({
    facts,
    holders: [[one], [one, other]][at] ?? [],
    by: "package" as const,
  }));
  const all = joined({ files: [], holders: new Map() }, files);
  const named = all.files.map((file, at) => ({ ...file, package: installed("1", "2", at === 0 ? 0 : STARTED + 5000) }));
  const left = settled({ files: named, holders: all.holders }, all.doubts, ({ pid }) =>
    pid === 7 ? STARTED + 9000 : STARTED,
  );
  expect(left.files.map(({ path }) => path)).toEqual(["/b.pl"]);
  expect([...left.holders].map(([{ pid }, indices]) => [pid, indices])).toEqual([[8, [0]]]);
});
