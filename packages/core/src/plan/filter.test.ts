import { describe, expect, test } from "vitest";
import { findingOf, kernelFinding } from "../../../../test/fakes/finding.ts";
import { type Finding, SCAN_SCHEMA, type Scan } from "../scan.ts";
import { type Filter, filteredPlan, libraryMatcher, NO_FILTER } from "./filter.ts";
import { addNames, noNames, whyNothing } from "./filter-names.ts";
import { DEFAULT_REBOOT, rebootable } from "./reboot.ts";

const KERNEL = { running: "6.1.0-1", expected: "6.1.0-2", verdict: "outdated" } as const;

function scanOf(findings: readonly Finding[]): Scan {
  return {
    schema: SCAN_SCHEMA,
    host: { id: null, name: "web01", bootId: "b1", os: "debian 12", kernel: KERNEL },
    startedAt: 0,
    elapsedMs: 0,
    processes: { seen: 0, scanned: 0, vanished: 0, unreadable: 0 },
    findings: findings.map((finding) => rebootable(finding, KERNEL)),
    unreadable: [],
    notes: [],
    reboot: { required: null, reasons: [] },
  };
}

let pid = 100;
function unit(name: string, path: string, packageName: string): Finding {
  pid += 1;
  const process = { pid, startTicks: 1, isOld: true };
  const finding = findingOf("service", name, process, { kind: "restart-service", target: name });
  return {
    ...finding,
    files: finding.files.map((file) => ({ ...file, path, package: ofPackage(packageName), cves: null })),
  };
}

function ofPackage(name: string): Finding["files"][number]["package"] {
  return { name, from: "1", to: "2", installedAt: null };
}

const SSL = "/usr/lib/x86_64-linux-gnu/libssl.so.3";
const WRAP = "/usr/lib/x86_64-linux-gnu/libwrap.so.0.7.6";
const IMAP = findingOf(
  "xinetd-session",
  "imap",
  { pid: 9, startTicks: 1, isOld: true },
  {
    kind: "end-session",
    target: "imap",
  },
);
const CVE = "CVE-2026-28387";
const SSH = unit("ssh.service", WRAP, "libwrap0");
const FIXED = { ...SSH, files: SSH.files.map((file) => ({ ...file, cves: ["CVE-2026-1111", CVE] })) };
const SERVICES = [unit("nginx.service", SSL, "libssl3"), FIXED, IMAP];

describe("what is planned, and what is left on purpose", () => {
  test.each<[string, Partial<Filter>, string, string]>([
    ["everything", {}, "end-session imap, restart-service nginx.service, restart-service ssh.service", ""],
    ["one kind of step", { only: ["end-session"] }, "end-session imap", "nginx.service ssh.service"],
    ["one package", { packages: ["libwrap*"] }, "restart-service ssh.service", "imap nginx.service"],
    ["a soname", { libraries: ["libwrap.so.0"] }, "restart-service ssh.service", "imap nginx.service"],
    ["a CVE that was fixed in one of them", { cves: [CVE] }, "restart-service ssh.service", "imap nginx.service"],
    ["a path", { libraries: [SSL] }, "end-session imap, restart-service nginx.service", "ssh.service"],
    ["a unit without its suffix", { units: ["ssh"] }, "restart-service ssh.service", "imap nginx.service"],
    ["one kind of finding", { kinds: ["xinetd-session"] }, "end-session imap", "nginx.service ssh.service"],
    [
      "both of two words",
      { packages: ["libssl3"], kinds: ["service"] },
      "restart-service nginx.service",
      "imap ssh.service",
    ],
    ["nothing of two words", { packages: ["libwrap0"], units: ["nginx"] }, "", "imap nginx.service ssh.service"],
    ["all but a unit", { never: ["ng*"] }, "end-session imap, restart-service ssh.service", "nginx.service"],
  ])("%s", (_name, filter, steps, left) => {
    const { plan, leave } = filteredPlan(scanOf(SERVICES), DEFAULT_REBOOT, { ...NO_FILTER, ...filter });
    expect(plan.steps.map(({ remedy }) => `${remedy.kind} ${remedy.target}`).join(", ")).toBe(steps);
    expect(
      leave
        .map(({ target }) => target)
        .toSorted()
        .join(" "),
    ).toBe(left);
    expect(
      plan.residue
        .map(({ owner }) => owner)
        .toSorted()
        .join(" "),
    ).toBe(left);
  });
});

describe("a host that needs a reboot", () => {
  const scan = scanOf([...SERVICES, kernelFinding("6.1.0-2")]);
  test.each<[string, Partial<Filter>, "when-required" | "always", string]>([
    ["is rebooted where nothing is filtered", {}, "when-required", "reboot"],
    ["is rebooted for its kernel", { kinds: ["kernel"] }, "when-required", "reboot"],
    ["is rebooted where only that is wanted", { only: ["reboot"] }, "when-required", "reboot"],
    [
      "is planned in place for a package that needs none",
      { packages: ["libssl3"] },
      "when-required",
      "end-session restart-service",
    ],
    [
      "is planned in place for one kind of step",
      { only: ["restart-service"] },
      "when-required",
      "restart-service restart-service",
    ],
    ["is rebooted for any of it where a person ordered a reboot", { packages: ["libssl3"] }, "always", "reboot"],
    ["is not rebooted for what is not there", { packages: ["bash"] }, "always", ""],
    ["is rebooted whatever units are spared", { never: ["*"] }, "when-required", "reboot"],
  ])("%s", (_name, filter, mode, kinds) => {
    const { plan } = filteredPlan(scan, { ...DEFAULT_REBOOT, mode }, { ...NO_FILTER, ...filter });
    expect(plan.steps.map(({ remedy }) => remedy.kind).join(" ")).toBe(kinds);
  });
});

test("forks of a service that is left are left with it", () => {
  const fork = { ...IMAP, id: "fork", remedy: { ...IMAP.remedy, target: "sshd", after: "ssh.service" } };
  const filter = { ...NO_FILTER, only: ["end-session"] as const };
  const { plan, leave } = filteredPlan(scanOf([...SERVICES, fork]), DEFAULT_REBOOT, filter);
  expect(plan.steps.map(({ remedy }) => remedy.target)).toEqual(["imap"]);
  expect(leave.map(({ target }) => target)).toContain("sshd");
});

test.each([
  ["libwrap.so.0", WRAP, true],
  ["libwrap.so", WRAP, true],
  ["libwrap", WRAP, true],
  ["libwrap.so.0.7.6", WRAP, true],
  ["libwrap*", WRAP, true],
  ["/usr/lib/*/libwrap.so.0.7.6", WRAP, true],
  ["/lib/libwrap.so.0", WRAP, false],
  ["libssl.so.3", SSL, true],
])("library %s is %s: %s", (typed, path, expected) => expect(libraryMatcher(typed)(path)).toBe(expected));

describe("a filter that nothing can come of", () => {
  test.each<[string, Partial<Filter>, string | null]>([
    ["a package that is there", { packages: ["libssl3"] }, null],
    [
      "another package",
      { packages: ["libssl4"] },
      "no package that runs old code matches 'libssl4' (nearest: 'libssl3')",
    ],
    [
      "a library",
      { libraries: ["libsssl.so.3"] },
      "no library that runs old code matches 'libsssl.so.3' (nearest: 'libssl.so.3')",
    ],
    [
      "two of three units",
      { units: ["ssh", "sh", "mail"] },
      "no unit that runs old code matches 'sh' (nearest: 'ssh') (and 1 more)",
    ],
    [
      "two names of nothing in common",
      { packages: ["libwrap0"], units: ["nginx"] },
      "each name matches something, and nothing is of all of them",
    ],
    ["a CVE that something was fixed for", { cves: [CVE] }, null],
    [
      "a CVE that nothing was fixed for, as far as changelogs tell",
      { cves: ["CVE-2026-9999"] },
      "nothing that runs old code was fixed for CVE-2026-9999, by the changelogs of its packages (of 1 more nobody can tell)",
    ],
    ["a kind that no host has is nothing to do", { kinds: ["microcode"], only: ["reexec"] }, null],
  ])("%s", (_name, given, why) => {
    const names = noNames();
    const filter = { ...NO_FILTER, ...given };
    addNames(names, SERVICES, filter);
    expect(whyNothing(names, filter)).toBe(why);
  });
});
