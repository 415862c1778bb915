import fc from "fast-check";
import { expect, test } from "vitest";
import { findingOf, kernelFinding } from "../../../../test/fakes/finding.ts";
import { type Finding, type OwnerKind, REMEDIES, type Remedy, SCAN_SCHEMA, type Scan, VERDICTS } from "../scan.ts";
import { planOf, type RebootChoice } from "./plan.ts";
import { REBOOT_METHODS, REBOOT_MODES } from "./reboot.ts";

const KERNEL = { running: "6.1-1", expected: "6.1-2", verdict: "outdated" } as const;

function scanOf(findings: readonly Finding[], kernel: Scan["host"]["kernel"] = KERNEL): Scan {
  return {
    schema: SCAN_SCHEMA,
    host: { id: null, name: "web01", bootId: "b1", os: "debian 12", kernel },
    startedAt: 0,
    elapsedMs: 0,
    processes: { seen: 9, scanned: 9, vanished: 0, unreadable: 0 },
    findings,
    unreadable: [],
    notes: [],
    reboot: { required: null, reasons: [] },
  };
}

const process = (pid: number) => ({ pid, startTicks: 1, isOld: true });
const service = (name: string, pid: number) =>
  findingOf("service", name, process(pid), { kind: "restart-service", target: name });
const session = (name: string, pid: number, more: Partial<Remedy> = {}): Finding => {
  const finding = findingOf("xinetd-session", name, process(pid), { kind: "end-session", target: name });
  return { ...finding, remedy: { ...finding.remedy, ...more } };
};
const bus = (automatic = true): Finding => ({
  ...service("dbus.service", 8),
  remedy: { kind: "reboot", target: "host", automatic, reason: "dbus.service is never restarted." },
});

const SHELL = findingOf("application", "/usr/bin/tmux", process(9), { kind: "none", target: "/usr/bin/tmux" });
const UNREADABLE: Finding = { ...service("cups.service", 10), verdict: "unknown" };
const KERNEL_OLD = kernelFinding("6.1-2");
/** What is wrong on the disk is there after a reboot still. */
const MODULES_GONE: Finding = {
  ...kernelFinding("6.1-1"),
  remedy: { kind: "none", target: "kernel", automatic: false, reason: "Install its package again." },
};
const MICROCODE: Finding = {
  ...kernelFinding("0x2b"),
  id: "microcode",
  kind: "microcode",
  owner: { kind: "kernel", manager: null, name: "microcode" },
};

const NGINX = service("nginx.service", 7);
const IMAP = session("imap", 20);
const FORK = session("forward", 21, { after: "xinetd.service" });
const LOGIN = session("telnet", 22, { automatic: false, onRequest: true });
const ALL = [KERNEL_OLD, bus(), NGINX, IMAP, FORK, LOGIN, SHELL, UNREADABLE];

const NEVER: RebootChoice = { mode: "never", sessionsFirst: false };
const REQUIRED: RebootChoice = { mode: "when-required", sessionsFirst: false };
const ALWAYS: RebootChoice = { mode: "always", sessionsFirst: false };
const SESSIONS_FIRST: RebootChoice = { mode: "when-required", sessionsFirst: true };
const SOFT: RebootChoice = { mode: "when-required", sessionsFirst: false, method: "soft-reboot" };

test.each<[string, readonly Finding[], RebootChoice, readonly string[], readonly string[]]>([
  ["a restart where that is enough", [NGINX], REQUIRED, ["restart-service:nginx.service"], []],
  ["a restart where a reboot is left out", [NGINX], NEVER, ["restart-service:nginx.service"], []],
  ["a reboot instead of a restart where a person says so", [NGINX], ALWAYS, ["reboot:host"], []],
  ["a reboot of a host that is clean, where a person says so", [], ALWAYS, ["reboot:host"], []],
  ["nothing on a host that is clean", [], REQUIRED, [], []],
  ["the kernel by a reboot", [KERNEL_OLD], REQUIRED, ["reboot:host"], []],
  ["no kernel where reboots are left out", [KERNEL_OLD, NGINX], NEVER, ["restart-service:nginx.service"], ["kernel"]],
  ["no restart before a reboot", ALL, REQUIRED, ["reboot:host"], []],
  [
    "sessions before a reboot, but those that a person is in, and forks that would come back",
    ALL,
    SESSIONS_FIRST,
    ["end-session:imap", "reboot:host"],
    [],
  ],
  [
    "sessions before a reboot that a person ordered",
    [NGINX, IMAP],
    { mode: "always", sessionsFirst: true },
    ["end-session:imap", "reboot:host"],
    [],
  ],
  [
    "all but what only a reboot replaces",
    ALL,
    NEVER,
    ["end-session:forward", "end-session:imap", "restart-service:nginx.service"],
    ["kernel", "dbus.service", "telnet", "/usr/bin/tmux", "cups.service"],
  ],
  ["sessions alone are no reason for a reboot, whatever comes first", [IMAP], SESSIONS_FIRST, ["end-session:imap"], []],
  [
    "restarts where the file, or doubt, leaves a reboot to a person",
    [bus(false), kernelFinding("6.1-2", false), NGINX],
    REQUIRED,
    ["restart-service:nginx.service"],
    ["dbus.service", "kernel"],
  ],
  ["what a person decided, doubt or not", [kernelFinding("6.1-2", false), NGINX], ALWAYS, ["reboot:host"], []],
  [
    "a kernel without its modules stays so, whatever is rebooted",
    [MODULES_GONE, bus()],
    REQUIRED,
    ["reboot:host"],
    ["kernel"],
  ],
  ["a kernel without its modules is no reason for a reboot", [MODULES_GONE], REQUIRED, [], ["kernel"]],
  [
    "a soft reboot leaves kernel and microcode",
    [KERNEL_OLD, MICROCODE, bus(), NGINX],
    SOFT,
    ["reboot:host"],
    ["kernel", "microcode"],
  ],
  ["no soft reboot for a kernel alone", [KERNEL_OLD, NGINX], SOFT, ["restart-service:nginx.service"], ["kernel"]],
  ["a soft reboot that a person ordered", [KERNEL_OLD], { ...SOFT, mode: "always" }, ["reboot:host"], ["kernel"]],
  ["kexec starts another kernel", [KERNEL_OLD], { ...REQUIRED, method: "kexec" }, ["reboot:host"], []],
])("%s", (_name, findings, choice, steps, residue) => {
  const plan = planOf(scanOf(findings), [], choice);
  expect(plan.steps.map(({ id }) => id)).toEqual(steps);
  expect(plan.residue.map(({ owner }) => owner)).toEqual(residue);
});

test("a login is ended before a reboot where its service was named", () => {
  const plan = planOf(scanOf(ALL), [{ kind: "end-session", target: "telnet" }], SESSIONS_FIRST);
  expect(plan.steps.map(({ id }) => id)).toEqual(["end-session:imap", "end-session:telnet", "reboot:host"]);
});

const UNKNOWN_KERNEL = { running: "6.1-1", expected: null, verdict: "unknown" } as const;
const OLDER_KERNEL = { running: "6.1-2", expected: "6.1-1", verdict: "current" } as const;
const CURRENT_KERNEL = { running: "6.1-2", expected: "6.1-2", verdict: "current" } as const;
const BY_KERNEL = "The boot loader starts 6.1-2. Only a reboot changes that.";
const OLD_BUS = "1 process runs old code of /usr/lib/x86_64-linux-gnu/libssl.so.3. dbus.service is never restarted.";

test.each<[string, readonly Finding[], RebootChoice, Scan["host"]["kernel"], string]>([
  ["the kernel", [KERNEL_OLD], REQUIRED, KERNEL, BY_KERNEL],
  ["two reasons", [KERNEL_OLD, bus()], REQUIRED, KERNEL, `${BY_KERNEL} ${OLD_BUS}`],
  [
    "two processes for one reason",
    [bus(), { ...bus(), id: "2" }],
    REQUIRED,
    KERNEL,
    OLD_BUS.replace("1 process runs", "2 processes run"),
  ],
  [
    "what else it replaces",
    [KERNEL_OLD, NGINX, service("ssh.service", 11)],
    REQUIRED,
    KERNEL,
    `${BY_KERNEL} It replaces nginx.service, ssh.service as well: nothing of it is restarted before.`,
  ],
  [
    "what it ends",
    [KERNEL_OLD, IMAP, SHELL],
    REQUIRED,
    KERNEL,
    `${BY_KERNEL} It ends open sessions: imap. It ends /usr/bin/tmux: what nothing starts at boot is for its owner to launch again.`,
  ],
  ["a person's word", [], ALWAYS, CURRENT_KERNEL, "Ordered by a person."],
  ["a person's word where it is required anyway", [KERNEL_OLD], ALWAYS, KERNEL, BY_KERNEL],
  [
    "a person's word where the kernel is not known",
    [],
    ALWAYS,
    UNKNOWN_KERNEL,
    "Ordered by a person. Which kernel a reboot would start is not known.",
  ],
  [
    "a person's word where an older kernel starts next",
    [NGINX],
    ALWAYS,
    OLDER_KERNEL,
    "Ordered by a person. A reboot would start 6.1-1, which is older than the running kernel 6.1-2. It replaces nginx.service as well: nothing of it is restarted before.",
  ],
  [
    "a person's word where the tool would not",
    [kernelFinding("6.1-2", false)],
    ALWAYS,
    KERNEL,
    `Ordered by a person. ${BY_KERNEL}`,
  ],
])("a reboot says why: %s", (_name, findings, choice, kernel, because) => {
  const [step] = planOf(scanOf(findings, kernel), [], choice).steps;
  expect(step?.because).toBe(because);
});

test.each<[string, readonly Finding[], RebootChoice]>([
  ["the kernel", [KERNEL_OLD], REQUIRED],
  ["microcode", [MICROCODE], REQUIRED],
  ["a message bus", [bus()], REQUIRED],
  ["PID 1", [{ ...bus(), owner: { kind: "init", manager: null, name: "init" } }], REQUIRED],
  ["a person's word", [NGINX], ALWAYS],
])("a reboot says of each smaller remedy why it does not do: %s", (_name, findings, choice) => {
  const [step] = planOf(scanOf(findings), [], choice).steps;
  expect(step?.insteadOf.map(({ kind }) => kind)).toEqual(REMEDIES.slice(0, REMEDIES.indexOf("reboot")));
  for (const { whyNot } of step?.insteadOf ?? []) expect(whyNot).toMatch(/^\S.{10,}\.$/);
});

test.each<[string, Finding, RebootChoice, string]>([
  ["the order", KERNEL_OLD, NEVER, `${BY_KERNEL} Reboots are left out here.`],
  ["the method", KERNEL_OLD, SOFT, `${BY_KERNEL} A soft reboot keeps kernel and microcode.`],
  ["what was there before", kernelFinding("6.1-2", false), NEVER, BY_KERNEL],
])("what is left says so because of %s", (_name, finding, choice, reason) => {
  expect(planOf(scanOf([finding]), [], choice).residue).toMatchObject([{ reason }]);
});

const OWNERS: readonly OwnerKind[] = [
  "service",
  "xinetd-session",
  "socket-session",
  "application",
  "user-session",
  "container",
  "virtual-machine",
  "init",
  "kernel",
];

const findings = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[a-f0-9]{6}$/),
    verdict: fc.constantFrom(...VERDICTS.filter((verdict) => verdict !== "identical")),
    owner: fc.constantFrom(...OWNERS),
    kind: fc.constantFrom(...REMEDIES),
    target: fc.constantFrom("a", "b", "host"),
    automatic: fc.boolean(),
    more: fc.constantFrom({}, { onRequest: true as const }, { after: "a" }),
  }),
  { selector: ({ id }) => id, maxLength: 12 },
);
const choices = fc.record({
  mode: fc.constantFrom(...REBOOT_MODES),
  sessionsFirst: fc.boolean(),
  method: fc.constantFrom(...REBOOT_METHODS),
});
const asked = fc.subarray([
  { kind: "restart-service", target: "a" },
  { kind: "end-session", target: "b" },
  { kind: "reboot", target: "host" },
]);

test("whatever is old is in exactly one step or left over, and nothing but sessions is touched before a reboot", () => {
  fc.assert(
    fc.property(findings, choices, asked, (drafts, choice, requested) => {
      const made = drafts.map(({ id, verdict, owner, kind, target, automatic, more }): Finding => {
        const isKernel = owner === "kernel";
        return {
          ...(isKernel ? KERNEL_OLD : NGINX),
          ...{ id, verdict, owner: { kind: owner, manager: null, name: `${owner} of ${id}` } },
          remedy: { kind, target: kind === "reboot" ? "host" : target, automatic, reason: "It is old.", ...more },
        };
      });
      const { steps, residue } = planOf(scanOf(made), requested, choice);
      const kinds = steps.map(({ remedy }) => remedy.kind);

      expect([...steps, ...residue].flatMap((part) => part.findings).toSorted()).toEqual(
        made.map(({ id }) => id).toSorted(),
      );
      expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
      const at = kinds.indexOf("reboot");
      if (choice.mode === "never") expect(at).toBe(-1);
      if (choice.mode === "always") expect(at).not.toBe(-1);
      if (at !== -1) {
        expect(at).toBe(steps.length - 1);
        expect(kinds.slice(0, at).filter((kind) => kind !== "end-session" || !choice.sessionsFirst)).toEqual([]);
      }
      for (const { remedy, findings: ids } of steps) {
        if (remedy.kind === "reboot") continue;
        for (const finding of made.filter(({ id }) => ids.includes(id))) {
          expect(finding.verdict).not.toBe("unknown");
          expect(finding.remedy.automatic || finding.remedy.onRequest).toBe(true);
        }
      }
    }),
  );
});
