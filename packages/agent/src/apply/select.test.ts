import type { Step } from "@afterpatch/core/plan/types";
import type { Finding, RemedyKind } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import { keptNames, leftOut, residueOrdered } from "./left-out.ts";
import { EVERYTHING, processKey, type Selection, select, unitName } from "./select.ts";

const CVE = "CVE-2026-28387";

const TARGETS: readonly (readonly [RemedyKind, string])[] = [
  ["end-session", "imap"],
  ["end-session", "telnet"],
  ["restart-service", "ssh.service"],
  ["relaunch-application", "shop"],
  ["reexec", "init"],
  ["restart-container", "host"],
];

/** Two findings each, of process 2n and 2n + 1. */
function step([kind, target]: (typeof TARGETS)[number], at: number): Step {
  return { id: target, remedy: { kind, target }, findings: [`${2 * at}`, `${2 * at + 1}`], because: "", insteadOf: [] };
}
const PLAN = { steps: TARGETS.map(step), residue: [] };
const SCAN = { findings: PLAN.steps.flatMap(({ findings, remedy }) => findings.map((id) => finding(id, remedy))) };

function finding(id: string, { kind, target }: Step["remedy"]): Finding {
  const process = { pid: Number(id), startTicks: 7, startedAt: 0, user: "root", executable: "/x", command: "x" };
  const owner = { kind: "service", manager: "systemd", name: target } as const;
  const remedy = { kind, target, automatic: true, reason: `Of ${target}.` };
  return { id, verdict: "replaced", kind: "service", process, owner, files: filesOf(id), remedy };
}

/** Of the second process of ssh.service a changelog tells; of 99 there is none. */
function filesOf(id: string): Finding["files"] {
  const told = id === "5" ? [CVE] : id === "99" ? null : undefined;
  if (told === undefined) return [];
  const buildId = { mapped: null, onDisk: null };
  return [{ path: "/x", kind: "library", verdict: "replaced", buildId, package: null, cves: told }];
}

/** The second process of each target has an old copy, the first one has not. */
function users(...targets: readonly string[]): Selection["users"] {
  const pids = TARGETS.flatMap(([, target], at) => (targets.includes(target) ? [2 * at + 1] : []));
  return { asked: "libwrap.so*", old: new Set(pids.map((pid) => processKey({ pid, startTicks: 7 }))), count: 9 };
}

test.each<[string, Partial<Selection>, readonly string[]]>([
  ["everything that is carried out", {}, ["imap", "telnet", "ssh.service", "shop", "init"]],
  ["one kind", { only: ["end-session"] }, ["imap", "telnet"]],
  ["a unit", { units: ["ssh.service"] }, ["ssh.service"]],
  ["a unit and a service", { units: ["ssh.service"], services: ["imap"] }, ["imap", "ssh.service"]],
  ["a service of another kind", { only: ["reexec"], services: ["imap"] }, []],
  ["a unit with the name of a service", { units: ["imap"] }, []],
  ["a rule for applications", { applications: ["shop"] }, ["shop"]],
  ["a unit with the name of a rule", { units: ["shop"] }, []],
  [
    "users of a library, each by its own row",
    { users: users("imap", "ssh.service", "init") },
    ["imap", "ssh.service", "init"],
  ],
  ["users of a library that are of one kind", { users: users("imap", "init"), only: ["reexec"] }, ["init"]],
  [
    "users of a library that are in a unit",
    { users: users("imap", "ssh.service"), units: ["ssh.service"] },
    ["ssh.service"],
  ],
  ["a unit that does not use the library", { users: users("imap"), units: ["ssh.service"] }, []],
  ["a library that nobody has an old copy of", { users: users() }, []],
  ["what was fixed for a CVE", { cves: [CVE] }, ["ssh.service"]],
  ["one of two CVEs", { cves: ["CVE-2026-9999", CVE] }, ["ssh.service"]],
  ["a CVE and another unit", { cves: [CVE], units: ["init"] }, []],
  ["a CVE that nothing was fixed for", { cves: ["CVE-2026-9999"] }, []],
  ["a kind that is left to people", { only: ["restart-container"] }, []],
])("%s", (_name, selection, expected) => {
  const { chosen, left } = select(PLAN, { ...EVERYTHING, ...selection }, SCAN);
  expect(chosen.map(({ remedy }) => remedy.target)).toEqual(expected);
  expect(chosen.length + left.length).toBe(PLAN.steps.length);
});

test("units are named as for systemctl", () => {
  expect(["ssh", "ssh.service", "getty@tty1"].map(unitName)).toEqual([
    "ssh.service",
    "ssh.service",
    "getty@tty1.service",
  ]);
});

test.each<[string, Partial<Selection>, readonly string[]]>([
  ["everything that was asked for is taken", { units: ["ssh.service"] }, []],
  ["a unit that only a person may touch", { units: ["dbus.service"] }, ["dbus.service: Never: so."]],
  ["a unit that runs no old code", { units: ["cron.service"] }, ["cron.service: Nothing of it runs old code."]],
  [
    "another kind of step was asked for",
    { units: ["ssh.service"], only: ["reexec"] },
    ["ssh.service: Left out by what was asked for: it needs restart-service ssh.service."],
  ],
  ["users of a library whom nobody may touch", { users: users("ssh.service", "host") }, ["host: Of host."]],
  [
    "a library without old users",
    { users: users() },
    ["libwrap.so*: Of 9 processes that have it mapped, none has an old copy."],
  ],
  [
    "a CVE that nothing is known to run without",
    { cves: ["CVE-2026-9999"] },
    ["CVE-2026-9999: Nothing is known to run without its fix. Of 1 finding no changelog can tell."],
  ],
])("why nothing is done: %s", (_name, given, expected) => {
  const selection = { ...EVERYTHING, ...given };
  const none = { kind: "none", target: "dbus.service" } as const;
  const dbus = finding("99", none);
  const scan = {
    findings: [...SCAN.findings, { ...dbus, remedy: { ...dbus.remedy, automatic: false, reason: "Never: so." } }],
  };
  const steps = PLAN.steps.filter(({ remedy }) => remedy.kind !== "restart-container");
  const { chosen } = select({ ...PLAN, steps }, selection, scan);
  const said = leftOut(scan, { ...PLAN, steps }, selection, chosen);
  expect(said.map(({ name, reason }) => `${name}: ${reason}`)).toEqual(expected);
});

test.each<[string, Partial<Selection>, readonly string[]]>([
  ["everything", {}, []],
  ["a unit that is restarted", { units: ["ssh.service"] }, []],
  ["a unit that a rule keeps", { units: ["dbus.service", "ssh.service"] }, ["dbus.service"]],
  ["a unit that runs no old code", { units: ["cron.service"] }, []],
  ["a unit that another option leaves out", { units: ["ssh.service"], only: ["reexec"] }, []],
  ["a library that others have old, too", { users: users("ssh.service", "host") }, []],
])("names that a rule keeps: %s", (_name, given, expected) => {
  const { scan, plan, selection } = withDbus(given);
  const { chosen } = select(plan, selection, scan);
  expect(keptNames(leftOut(scan, plan, selection, chosen), selection, chosen)).toEqual(expected);
});

test.each<[string, Partial<Selection>, readonly string[]]>([
  ["everything", {}, ["host", "dbus.service"]],
  ["a unit that leaves nothing", { units: ["ssh.service"] }, []],
  ["a unit that is left", { units: ["dbus.service"] }, ["dbus.service"]],
  ["a kind that leaves nothing", { only: ["restart-service"] }, []],
  ["a kind of which something is left", { only: ["restart-container"] }, ["host"]],
  ["users of a library", { users: users("host", "imap") }, ["host"]],
])("what is left of what was ordered: %s", (_name, given, expected) => {
  const { scan, plan, selection } = withDbus(given);
  expect(residueOrdered(scan, plan, selection)).toEqual(expected);
});

/** The plan above where a rule keeps dbus, and a container is left to a person. */
function withDbus(given: Partial<Selection>) {
  const dbus = { ...finding("99", { kind: "none", target: "dbus.service" }) };
  const remedy = { ...dbus.remedy, automatic: false, reason: "Never: so." };
  const scan = { findings: [...SCAN.findings, { ...dbus, remedy }] };
  const steps = PLAN.steps.filter((step) => step.remedy.kind !== "restart-container");
  const container = PLAN.steps.find((step) => step.remedy.kind === "restart-container");
  const residue = [
    { owner: "host", findings: container?.findings ?? [], reason: "Of host." },
    { owner: "dbus.service", findings: ["99"], reason: "Never: so." },
  ];
  return { scan, plan: { steps, residue }, selection: { ...EVERYTHING, ...given } };
}
