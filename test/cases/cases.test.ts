import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HostFacts } from "@afterpatch/core/facts";
import { scanOf } from "@afterpatch/core/findings";
import { planOf } from "@afterpatch/core/plan/plan";
import { DEFAULT_POLICY } from "@afterpatch/core/policy/defaults";
import { narrowed } from "@afterpatch/core/policy/narrow";
import type { Policy } from "@afterpatch/core/policy/types";
import { reportDigest } from "@afterpatch/core/report";
import type { Scan } from "@afterpatch/core/scan";
import { parseScan } from "@afterpatch/core/scan-json";
import { describe, expect, test } from "vitest";
import { schemaErrors } from "./schema.ts";

// One captured host each, as it goes through the pipeline. A new bug starts as a new case. `policy.json`, where there is
// one: what the agent's file says on that host, understood.

const here = import.meta.dirname;
const cases = readdirSync(here, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

function read<T>(name: string, file: string): T {
  return JSON.parse(readFileSync(join(here, name, file), "utf8")) as T; // written by us, reviewed with the case
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("there are cases", () => expect(cases.length).toBeGreaterThanOrEqual(25));

describe.each(cases)("%s", (name) => {
  const seen = scanOf(read<HostFacts>(name, "facts.json"), sha256, { all: true });
  const isNarrowed = existsSync(join(here, name, "policy.json"));
  const scan = isNarrowed ? narrowed(seen, { ...DEFAULT_POLICY, ...read<Partial<Policy>>(name, "policy.json") }) : seen;

  test("facts become findings", () => expect(scan).toEqual(read<Scan>(name, "findings.json")));

  test("findings become a plan", () => expect(planOf(scan)).toEqual(read(name, "plan.json")));

  test("the document is what its schema says, and survives being sent", () => {
    expect(schemaErrors(scan)).toEqual([]);
    expect(parseScan(JSON.parse(JSON.stringify(scan)))).toEqual(scan);
  });

  test("every process that maps something old is in exactly one finding", () => {
    const pids = scan.findings.map(({ process }) => process?.pid);
    expect(new Set(pids).size).toBe(pids.length);
    expect(new Set(scan.findings.map(({ id }) => id)).size).toBe(pids.length);
  });

  test("every finding is in exactly one step or in the residue", () => {
    const { steps, residue } = planOf(scan);
    const planned = [...steps, ...residue].flatMap(({ findings }) => findings);
    expect(planned.toSorted()).toEqual(scan.findings.map(({ id }) => id).toSorted());
  });

  test("the digest does not depend on when the scan was made", () => {
    const later = { ...scan, startedAt: scan.startedAt + 60_000, elapsedMs: 7, findings: scan.findings.toReversed() };
    expect(reportDigest(later, sha256)).toBe(reportDigest(scan, sha256));
    const rebooted = { ...scan, host: { ...scan.host, bootId: "another" } };
    expect(reportDigest(rebooted, sha256)).not.toBe(reportDigest(scan, sha256));
  });
});
