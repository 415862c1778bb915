import { readFileSync } from "node:fs";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { describe, expect, test } from "vitest";
import { nagiosFailure, nagiosReport } from "./nagios.ts";
import { needrestartBatch } from "./needrestart.ts";
import { FAMILIES, openMetrics } from "./openmetrics.ts";

const CASE = caseOf("debian-12-libssl-and-imapd");
const HOST: Scan = {
  ...CASE,
  host: { ...CASE.host, kernel: { running: "6.1.0-50-amd64", expected: "6.1.0-50-amd64", verdict: "current" } },
  reboot: { required: false, reasons: [] },
};
const CLEAN: Scan = { ...HOST, findings: [], unreadable: [] };
const WHY = "/etc/afterpatch/agent.yaml:3: grace: 5 is no duration";
const INVALID: Scan = { ...CLEAN, config: { verdict: "invalid", why: WHY } };
const UNREADABLE = [{ pid: 7, why: "maps: EACCES (permission denied)" }];

function caseOf(name: string): Scan {
  const path = new URL(`../../../../test/cases/${name}/findings.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as Scan; // a case of ours
}

function outdated(livePatches: readonly string[] = []): Scan {
  const kernel = { running: "6.1.0-50-amd64", expected: "6.1.0-56-amd64", verdict: "outdated", livePatches } as const;
  return { ...CLEAN, host: { ...CLEAN.host, kernel } };
}

function first(change: Partial<Finding>): readonly Finding[] {
  return HOST.findings.slice(0, 1).map((finding) => ({ ...finding, ...change }));
}

describe("nagios", () => {
  test.each([
    ["nothing is old and everything was seen", CLEAN, 0],
    ["old code", HOST, 2],
    [
      "old code and processes that could not be read: the unknown hides nothing",
      { ...HOST, unreadable: UNREADABLE },
      2,
    ],
    ["suspected old code only", { ...CLEAN, findings: first({ verdict: "suspected" }) }, 1],
    ["suspected, and unreadable", { ...CLEAN, findings: first({ verdict: "suspected" }), unreadable: UNREADABLE }, 1],
    ["a process that could not be read", { ...CLEAN, unreadable: UNREADABLE }, 3],
    ["a finding of which nothing is known", { ...CLEAN, findings: first({ verdict: "unknown" }) }, 3],
    ["a kernel that could not be compared", { ...CLEAN, host: CASE.host, reboot: { required: null, reasons: [] } }, 3],
    ["an old kernel", outdated(), 2],
    ["an old kernel that is live-patched", outdated(["kpatch_1"]), 1],
    ["an agent's file that is invalid", INVALID, 1],
    ["an invalid file and old code: it hides nothing", { ...INVALID, findings: HOST.findings }, 2],
    ["an invalid file and processes that could not be read", { ...INVALID, unreadable: UNREADABLE }, 1],
    ["a file that this user may not read", { ...CLEAN, config: { verdict: "unknown", why: "EACCES" } } as const, 3],
    ["somebody asks for a reboot", { ...CLEAN, reboot: { required: true, reasons: ["asked"] } }, 1],
  ])("%s", (_name, scan, code) => {
    const report = nagiosReport(scan);
    expect(report.code).toBe(code);
    const word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][code];
    expect(report.text.startsWith(`AFTERPATCH ${word} - `)).toBe(true);
    expect(report.text.split("|")).toHaveLength(2);
  });

  test("an invalid file is said in the first line, with its place", () => {
    const words = `agent's file invalid, nothing is done here (${WHY}) |`;
    expect(nagiosReport(INVALID).text).toContain(`AFTERPATCH WARNING - nothing was found that runs old code, ${words}`);
    expect(nagiosReport({ ...INVALID, findings: HOST.findings }).text.split("\n")[0]).toContain(words);
  });

  test("the line, its performance data, and a line for each owner", () => {
    const [line, ...more] = nagiosReport(HOST).text.trimEnd().split("\n");
    expect(line).toMatch(
      /^AFTERPATCH CRITICAL - 6 processes run old code \(5 owners\) \| 'service'=4;;;0 'xinetd-session'=2;;;0 /,
    );
    expect(more[1]).toBe("ssh.service (1 process replaced): restart-service ssh.service");
    expect(more).toHaveLength(5);
  });

  test.each<[string, number, string, string]>([
    [
      "kernel-pending-and-old-services",
      2,
      "7 processes run old code (6 owners), kernel 6.1.0-55-cloud-amd64 is not the one that would boot next (6.1.0-56-cloud-amd64), reboot required",
      "kernel (kernel) (replaced): reboot",
    ],
    [
      "kernel-pending-and-no-reboots-allowed",
      2,
      "7 processes run old code (6 owners), kernel 6.1.0-55-cloud-amd64 is not the one that would boot next (6.1.0-56-cloud-amd64), reboot required",
      "kernel (kernel) (replaced): nothing automatic: Never: the agent's file leaves reboot to a person (verbs: end-session, relaunch-application, restart-service, reexec). The running kernel is 6.1.0-55-cloud-amd64; the boot loader would start 6.1.0-56-cloud-amd64. Only a reboot changes that.",
    ],
    [
      "dbus-without-a-flag",
      2,
      "3 processes run old code (2 owners), reboot required",
      "dbus.service (1 process replaced): reboot",
    ],
    [
      "dbus-in-a-container",
      2,
      "3 processes run old code (2 owners), kernel not compared",
      "dbus.service (1 process replaced): nothing automatic: dbus.service is never restarted: every client of the message bus would lose it, logins included. A reboot replaces it. Which kernel a reboot would start is not known: it is a container (/run/systemd/container), and the kernel is its host's. So a reboot is for a person to decide.",
    ],
    [
      "sles-15-kernel-live-patched",
      1,
      "no process was found that runs old code, kernel 6.4.0-150600.23.7-default is not the one that would boot next (6.4.0-150600.23.14-default), reboot required",
      "reboot: /run/reboot-needed asks for it.",
    ],
    [
      "intel-microcode-pending",
      2,
      "no process was found that runs old code, microcode 0x2b000603 is not the one that would be loaded next (0x2b000643), reboot required",
      "microcode (kernel) (replaced): reboot",
    ],
    [
      "kernel-modules-gone-for-good",
      2,
      "no process was found that runs old code, modules of kernel 6.17.8-arch1-1 are gone",
      "kernel (kernel) (removed): nothing automatic: The modules of the running kernel 6.17.8-arch1-1 are gone from /lib/modules: it cannot load any that it has not loaded yet. A reboot would start the same kernel without them: install its package again.",
    ],
  ])("what is said of %s", (name, code, summary, line) => {
    const report = nagiosReport(caseOf(name));
    const [first, ...more] = report.text.split("\n");
    const word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][code];
    expect({ code: report.code, first: first?.split(" | ")[0] }).toEqual({
      code,
      first: `AFTERPATCH ${word} - ${summary}`,
    });
    expect(more).toContain(line);
  });

  test("a name with `|` begins no performance data; a scan that failed is UNKNOWN", () => {
    const owner = { kind: "application", manager: null, name: "/opt/a|b'=0" } as const;
    expect(nagiosReport({ ...CLEAN, findings: first({ owner }) }).text).toContain("/opt/a\\u{7c}b'=0 (application)");
    expect(nagiosFailure("scan: no /proc | x")).toEqual({
      text: "AFTERPATCH UNKNOWN - scan: no /proc \\u{7c} x\n",
      code: 3,
    });
  });
});

describe("openmetrics", () => {
  const value = (text: string, series: string) =>
    text
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1);

  test.each([
    ['afterpatch_findings{kind="service",verdict="replaced"}', "4"],
    ['afterpatch_findings{kind="application",verdict="unknown"}', "0"],
    [
      'afterpatch_owner_findings{kind="xinetd-session",manager="xinetd",owner="imap",verdict="replaced",remedy="end-session"}',
      "2",
    ],
    ["afterpatch_owners", "5"],
    ['afterpatch_kernel_status{verdict="current"}', "1"],
    ['afterpatch_kernel_status{verdict="unknown"}', "0"],
    ['afterpatch_reboot_status{required="false"}', "1"],
    ['afterpatch_build_info{version="1.2.3"}', "1"],
    ["afterpatch_config_valid", "1"],
  ])("%s", (series, expected) => expect(value(openMetrics(HOST, "1.2.3"), series)).toBe(expected));

  test("each metric has the labels that the reference tells", () => {
    const lines = openMetrics(HOST, "1").split("\n");
    for (const [name, { labels }] of Object.entries(FAMILIES)) {
      const sample = lines.find((line) => new RegExp(`^afterpatch_${name}[{ ]`).test(line)) ?? "";
      if (name !== "livepatches") expect([...sample.matchAll(/(\w+)="/g)].map(([, label]) => label)).toEqual(labels);
    }
  });

  test.each([
    ["kernel-pending-and-old-services", 'owner="kernel",verdict="replaced",remedy="reboot"', "true"],
    ["kernel-pending-and-no-reboots-allowed", 'owner="kernel",verdict="replaced",remedy="none"', "true"],
    ["dbus-without-a-flag", 'owner="dbus.service",verdict="replaced",remedy="reboot"', "true"],
    ["dbus-in-a-container", 'owner="dbus.service",verdict="replaced",remedy="none"', "unknown"],
    ["kernel-modules-gone-for-good", 'owner="kernel",verdict="removed",remedy="none"', "false"],
  ])("a reboot: %s", (name, labels, required) => {
    const text = openMetrics(caseOf(name), "1");
    expect(text.split("\n").find((line) => line.includes(labels))).toMatch(/^afterpatch_owner_findings\{.* 1$/);
    expect(value(text, `afterpatch_reboot_status{required="${required}"}`)).toBe("1");
  });

  test("an invalid file is 0, one that could not be read is neither", () => {
    expect(value(openMetrics(INVALID, "1"), "afterpatch_config_valid")).toBe("0");
    const unknown: Scan = { ...CLEAN, config: { verdict: "unknown", why: "EACCES" } };
    expect(value(openMetrics(unknown, "1"), "afterpatch_config_valid")).toBeUndefined();
  });

  test("what is not known is not 0", () => {
    const text = openMetrics({ ...CLEAN, host: CASE.host, reboot: { required: null, reasons: [] } }, "1");
    expect(value(text, 'afterpatch_kernel_status{verdict="unknown"}')).toBe("1");
    expect(value(text, 'afterpatch_reboot_status{required="unknown"}')).toBe("1");
    expect(text).not.toMatch(/^afterpatch_livepatches /m);
  });

  test("labels are escaped, and cut without making one series twice", () => {
    const named = (name: string) => first({ owner: { kind: "application", manager: null, name } });
    expect(openMetrics({ ...CLEAN, findings: named('a"b\\u{1b}') }, "1")).toContain('owner="a\\"b\\\\u{1b}"');
    const long = [...named(`${"x".repeat(300)}1`), ...named(`${"x".repeat(300)}2`)];
    const lines = openMetrics({ ...CLEAN, findings: long }, "1")
      .split("\n")
      .filter((line) => line.includes("xxx"));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith(" 2")).toBe(true);
  });
});

describe("needrestart", () => {
  test("services, PID 1 by needrestart's name, sessions as PIDs and never as their super-server", () => {
    expect(needrestartBatch(HOST, "1.2.3")).toBe(`NEEDRESTART-VER: 1.2.3
NEEDRESTART-PID: imapd=50,51
NEEDRESTART-KCUR: 6.1.0-50-amd64
NEEDRESTART-KEXP: 6.1.0-50-amd64
NEEDRESTART-KSTA: 1
NEEDRESTART-UCSTA: 0
NEEDRESTART-SVC: ssh.service
NEEDRESTART-SVC: systemd-journald.service
NEEDRESTART-SVC: systemd-logind.service
NEEDRESTART-SVC: systemd-manager
`);
  });

  test.each([
    ["an old kernel", outdated(), ["KEXP: 6.1.0-56-amd64", "KSTA: 3"]],
    [
      "the same release built again",
      { ...HOST, host: { ...HOST.host, kernel: { ...HOST.host.kernel, verdict: "outdated" } } } as const,
      ["KSTA: 2"],
    ],
    ["a kernel that is not known", CASE, ["KSTA: 0"]],
    [
      "an old message bus and a new kernel",
      caseOf("dbus-without-a-flag"),
      ["KEXP: 6.1.0-56-cloud-amd64", "KSTA: 1", "SVC: dbus.service"],
    ],
    ["a container's message bus", caseOf("dbus-in-a-container"), ["KSTA: 0", "SVC: dbus.service"]],
    [
      "an older kernel comes next",
      caseOf("dbus-and-an-older-kernel-next"),
      ["KCUR: 6.1.0-56-cloud-amd64", "KEXP: 6.1.0-55-cloud-amd64", "KSTA: 1"],
    ],
    [
      "a kernel, and microcode, that a reboot replaces",
      caseOf("intel-microcode-pending"),
      ["KSTA: 1", "UCSTA: 2", "UCCUR: 0x2b000603", "UCEXP: 0x2b000643"],
    ],
    ["a container", of("container", "docker:0123456789ab"), ["CONT: docker 0123456789ab"]],
    ["a container without a name", of("container", "pid:[4026532467]"), ["CONT: container pid:[4026532467]"]],
    ["a login session", of("user-session", "session-12.scope"), ["SESS: root @ session #12"]],
    ["a user's manager", of("service", "user@1000.service"), ["SESS: root @ user manager service"]],
    ["a user's unit", of("service", "user@1000.service/foo.service"), ["SESS: root @ user service"]],
  ])("%s", (_name, scan, lines) => {
    const said = needrestartBatch(scan, "1").split("\n");
    for (const line of lines) expect(said).toContain(`NEEDRESTART-${line}`);
  });

  test("a name cannot begin a record, end a name or leave ASCII", () => {
    const process = HOST.findings[0]?.process;
    if (!process) throw new Error("the case has no process");
    const evil = { ...process, executable: "/opt/a=1\nNEEDRESTART-SVC: ssh\u202e" };
    const owner = { kind: "application", manager: null, name: "x" } as const;
    const said = needrestartBatch({ ...CLEAN, findings: first({ owner, process: evil }) }, "1");
    expect(said).toContain(`NEEDRESTART-PID: a?1?NEEDRESTART-SVC: ssh?=${process.pid}\n`);
  });
});

function of(kind: Finding["owner"]["kind"], name: string): Scan {
  return { ...CLEAN, findings: first({ owner: { kind, manager: null, name } }) };
}
