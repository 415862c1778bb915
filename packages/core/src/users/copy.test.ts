import { expect, test } from "vitest";
import type { FileFacts, HostFacts, ProcessFacts } from "../facts.ts";
import { copyEvidence, type MappedCopy } from "./copy.ts";

const PATH = "/usr/lib/libssl.so.3";
const id = (hex: string) => ({ kind: "build-id", hex }) as const;
const REPLACED: FileFacts = { path: PATH, mapped: id("aa"), onDisk: id("bb") };
const MISSING: FileFacts = { path: PATH, mapped: { kind: "unreadable", why: "no" }, onDisk: { kind: "missing" } };
const WRITTEN: FileFacts = { path: PATH, mapped: { kind: "overwritten", why: "x" }, onDisk: id("bb") };
const MOVED: FileFacts = { path: "/opt/current/lib.so", mappedPath: PATH, mapped: id("aa"), onDisk: id("bb") };
const UNKNOWN: FileFacts = {
  path: PATH,
  mapped: { kind: "unreadable", why: "on nfs\u001b" },
  onDisk: { kind: "unreadable", why: "on nfs\u001b" },
};

test.each<[string, MappedCopy["standing"], readonly FileFacts[], string, string | null]>([
  ["the file on the disk", "on-disk", [], "new", null],
  ["the file on the disk, beside an older copy of the same process", "on-disk", [REPLACED], "new", null],
  ["replaced", "other", [REPLACED], "old", "replaced"],
  ["replaced by the same content", "other", [{ ...REPLACED, onDisk: id("aa") }], "new", "identical"],
  ["removed", "other", [MISSING], "old", "removed"],
  ["written to in place", "on-disk", [WRITTEN], "old", "modified-in-place"],
  ["loaded by a name that leads elsewhere now", "on-disk", [MOVED], "old", "replaced"],
  ["unreadable", "untold", [UNKNOWN], "unknown", "unknown"],
  ["not compared by the scan", "other", [], "unknown", null],
  ["out of reach", "untold", [], "unknown", null],
])("%s", (_name, standing, files, copy, verdict) => {
  const found = copyEvidence({ path: PATH, standing, buildId: "aa" }, processOf(files), hostOf(files));
  expect({ copy: found.copy, verdict: found.verdict }).toEqual({ copy, verdict });
  expect(found.why === null).toBe(copy !== "unknown");
  expect(found.why ?? "").not.toContain("\u001b");
});

test("of two old copies, that with the build-id", () => {
  const files = [REPLACED, { ...REPLACED, mapped: id("cc"), onDisk: id("cc") }];
  const found = copyEvidence({ path: PATH, standing: "other", buildId: "cc" }, processOf(files), hostOf(files));
  expect(found.verdict).toBe("identical");
});

function processOf(files: readonly FileFacts[]): ProcessFacts {
  return {
    pid: 10,
    ppid: 1,
    sid: 10,
    startTicks: 1,
    startedAt: 1,
    user: "root",
    executable: "/usr/sbin/nginx",
    argv: [],
    cgroup: null,
    pidNamespace: null,
    sockets: [],
    files: files.map((_file, index) => index),
  };
}

function hostOf(files: readonly FileFacts[]): HostFacts {
  return {
    host: { id: null, name: "web01", bootId: "b", os: "debian 12", kernel: "6.1.0" },
    startedAt: 0,
    elapsedMs: 0,
    pidNamespace: null,
    systemd: false,
    initCgroup: null,
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    unreadable: [],
    files,
    running: [],
    units: null,
    unitsUnreadable: null,
    xinetd: [],
    sysv: [],
  };
}
