import type { Step } from "@afterpatch/core/plan/types";
import type { Finding, RemedyKind } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import { leftOut } from "./left-out.ts";
import { EVERYTHING, processKey, type Selection, select, unitName } from "./select.ts";

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
  return { id, verdict: "replaced", kind: "service", process, owner, files: [], remedy };
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
