import { expect, test } from "vitest";
import { findingOf, kernelFinding } from "../../../../test/fakes/finding.ts";
import type { Finding, Verdict } from "../scan.ts";
import { type KernelOfScan, rebootable, whyNoReboot } from "./reboot.ts";

const CURRENT: KernelOfScan = { running: "6.1-2", expected: "6.1-2", verdict: "current" };
const OUTDATED: KernelOfScan = { running: "6.1-1", expected: "6.1-2", verdict: "outdated" };
const UNKNOWN: KernelOfScan = { running: "6.1-1", expected: null, verdict: "unknown" };
const OLDER: KernelOfScan = { running: "6.1-2", expected: "6.1-1", verdict: "current" };
const UNSURE: KernelOfScan = { running: "6.1-1", expected: "6.1-2", verdict: "unknown" };
const NOBODY_KNOWS: KernelOfScan = { running: "6.1-1", expected: null, verdict: "outdated" };

test.each<[string, KernelOfScan, string | null, string | null]>([
  ["the running kernel comes up again", CURRENT, null, null],
  ["a newer one comes up", OUTDATED, null, null],
  [
    "nothing is known of kernels",
    UNKNOWN,
    null,
    "Which kernel a reboot would start is not known. So a reboot is for a person to decide.",
  ],
  [
    "old, and one of several comes up",
    NOBODY_KNOWS,
    null,
    "Which kernel a reboot would start is not known. So a reboot is for a person to decide.",
  ],
  [
    "the one that would come up may be missing",
    UNSURE,
    null,
    "Whether a reboot would bring up 6.1-2 as it should is not known. So a reboot is for a person to decide.",
  ],
  [
    "an older one comes up",
    OLDER,
    null,
    "A reboot would start 6.1-1, which is older than the running kernel 6.1-2. So a reboot is for a person to decide.",
  ],
  [
    "the scan knew something against it",
    OUTDATED,
    "Its disk is full.",
    "Its disk is full. So a reboot is for a person to decide.",
  ],
  [
    "the scan knew more of it",
    UNKNOWN,
    "It is a container.",
    "It is a container. So a reboot is for a person to decide.",
  ],
])("why no reboot is decided by the tool: %s", (_name, kernel, doubt, why) => {
  expect(whyNoReboot(kernel, doubt)).toBe(why);
});

const RESTART = findingOf(
  "service",
  "nginx.service",
  { pid: 7, startTicks: 1, isOld: true },
  { kind: "restart-service", target: "nginx.service" },
);
const BUS: Finding = {
  ...RESTART,
  remedy: { kind: "reboot", target: "host", automatic: false, reason: "The bus is never restarted." },
};

test.each<[string, Finding, Verdict, KernelOfScan, string | null, boolean]>([
  ["the kernel", kernelFinding("6.1-2", false), "replaced", OUTDATED, null, true],
  ["the kernel, of which a guess was made", kernelFinding("6.1-2", false), "replaced", OUTDATED, "A guess.", false],
  ["the kernel, and one of several would come up", kernelFinding("6.1-2", false), "removed", NOBODY_KNOWS, null, false],
  ["a message bus", BUS, "replaced", CURRENT, null, true],
  ["a message bus beside an old kernel", BUS, "modified-in-place", OUTDATED, null, true],
  ["a message bus where nobody knows the kernel", BUS, "replaced", UNKNOWN, null, false],
  ["a message bus where an older kernel would come up", BUS, "replaced", OLDER, null, false],
  ["a message bus that may be old", BUS, "suspected", CURRENT, null, false],
  ["a message bus of which nothing is known", BUS, "unknown", CURRENT, null, false],
])("a reboot for %s", (_name, finding, verdict, kernel, doubt, automatic) => {
  const given = { ...finding, verdict };
  const { remedy } = rebootable(given, kernel, doubt);
  expect(remedy.automatic).toBe(automatic);
  expect(remedy.reason.startsWith(finding.remedy.reason)).toBe(true);
  const says = remedy.reason.endsWith("So a reboot is for a person to decide.");
  expect(says).toBe(!automatic && verdict !== "unknown");
});

test("a suspicion is said to be one", () => {
  expect(rebootable({ ...BUS, verdict: "suspected" }, CURRENT).remedy.reason).toBe(
    "The bus is never restarted. Nothing proves that it runs old code. So a reboot is for a person to decide.",
  );
});

test("what has a smaller remedy stays as it is", () => {
  expect(rebootable(RESTART, UNKNOWN, "A guess.")).toBe(RESTART);
});
