import { readFileSync } from "node:fs";
import type { RebootChoice } from "@afterpatch/core/plan/plan";
import type { Scan } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import { reasonWithCommand } from "./owners.ts";
import { planDocument, renderPlan } from "./plan.ts";
import { renderScan } from "./scan.ts";

const HOST = caseOf("debian-12-libssl-and-imapd");
const CLEAN: Scan = { ...HOST, findings: [], unreadable: [] };

function caseOf(name: string): Scan {
  const path = new URL(`../../../../test/cases/${name}/findings.json`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as Scan; // a case of ours
}

test("what is old, by owner, and what to do next", () => {
  expect(renderScan(HOST, true)).toBe(`web01: 6 processes run old code
debian 12, kernel 6.1.0-50-amd64 (not compared with what would boot next), 13 processes looked at

systemd (PID 1): reexec
  pid 1  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

ssh.service: restart-service ssh.service
  pid 37  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

systemd-journald.service: restart-service systemd-journald.service
  pid 18  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

systemd-logind.service: nothing automatic. Only on request: graphical sessions may lose their devices. The restart ends every process of the unit (KillMode=control-group). 'sudo afterpatch-agent apply --unit systemd-logind.service' does it.
  pid 33  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

imap (xinetd): end-session imap
  pid 50  root  replaced  /usr/sbin/imapd
  pid 51  root  replaced  /usr/sbin/imapd

Next: 'afterpatch-agent plan' shows the steps in order, 'sudo afterpatch-agent apply' takes them.
`);
});

test("what is suspected is not counted with what is proved, and many files of one process are folded", () => {
  const [first, ...others] = HOST.findings;
  const file = first?.files[0];
  if (!first || !file) throw new Error("the case has findings");
  const files = Array.from({ length: 12 }, (_, at) => ({
    ...file,
    path: `/usr/share/x/${at}.py`,
    verdict: "suspected" as const,
  }));
  const suspected = { ...first, verdict: "suspected" as const, files };
  const shown = renderScan({ ...HOST, findings: [suspected, ...others] }, true);
  expect(shown).toContain("web01: 5 processes run old code, 1 more is suspected to\n");
  expect(shown).toContain("/usr/share/x/9.py\n");
  expect(shown).not.toContain("/usr/share/x/10.py");
  expect(shown).toContain("and 2 more files ('afterpatch-agent why' lists all)\n");
  expect(renderScan({ ...HOST, findings: [suspected] }, true)).toContain(
    "web01: 1 process is suspected to run old code\n",
  );
});

test("nothing runs old code", () => expect(renderScan(CLEAN, true)).toContain("web01: nothing runs old code\n"));

test("what is done on request names the command, and nothing else does", () => {
  const remedy = { target: "x", automatic: false, reason: "So." };
  expect(
    (["restart-service", "end-session", "reboot"] as const).flatMap((kind) => [
      reasonWithCommand({ ...remedy, kind, onRequest: true }),
      reasonWithCommand({ ...remedy, kind }),
    ]),
  ).toEqual([
    "So. 'sudo afterpatch-agent apply --unit x' does it.",
    "So.",
    "So. 'sudo afterpatch-agent apply --service x' does it.",
    "So.",
    "So.",
    "So.",
  ]);
});

test("why nothing would be done stands at the top, once", () => {
  const why = "the agent's file is invalid";
  const shown = renderScan({ ...CLEAN, notes: [why, "a note"] }, true, why);
  expect(shown).toMatch(/^The agent's file is invalid\n\nweb01: /);
  expect(shown).toContain("Not known:\n  a note\n");
});

test("what could not be read is never called clean", () => {
  const unreadable = [{ pid: 1, why: "maps: EACCES (permission denied)" }];
  const shown = renderScan({ ...CLEAN, unreadable }, false);
  expect(shown).toContain("nothing was found that runs old code, but not everything could be seen");
  expect(shown).toContain("Not readable, so not known: 1 process; run as root to see all\n  pid 1  maps: EACCES");
});

test("the plan: steps in order, the rest by name", () => {
  const shown = renderPlan(planDocument(HOST), HOST);
  expect(shown.match(/^\d\. .*$/gm)).toEqual([
    "1. end-session imap",
    "2. restart-service ssh.service",
    "3. restart-service systemd-journald.service",
    "4. reexec init",
  ]);
  expect(shown).toMatch(
    /^ {2}systemd-logind\.service \(1 process\): Only on request: .* 'sudo afterpatch-agent apply --unit systemd-logind\.service' does it\.$/m,
  );
  expect(renderPlan(planDocument(CLEAN), CLEAN)).toContain("nothing to do, nothing runs old code");
});

test("a host that needs a reboot: what asks for it, and what else there is", () => {
  const scan = caseOf("dbus-without-a-flag");
  expect(renderScan(scan, true)).toBe(`bus02: 3 processes run old code
debian 12, kernel 6.1.0-56-cloud-amd64, 43 processes looked at

dbus.service: reboot
  pid 400  messagebus  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

nginx.service: restart-service nginx.service
  pid 500  root      replaced  /usr/lib/x86_64-linux-gnu/libssl.so.3
  pid 501  www-data  replaced  /usr/lib/x86_64-linux-gnu/libssl.so.3

A reboot is required:
  dbus.service runs old code and is never restarted: every client would lose the message bus.

Not known:
  Whether the microcode is old is not known: it is a virtual machine, and its host loads the microcode.

Next: 'afterpatch-agent plan' shows the steps in order, 'sudo afterpatch-agent apply' takes them.
`);
  expect(renderPlan(planDocument(scan), scan)).toBe(`bus02: 1 step

1. reboot host
   1 process runs old code of /usr/lib/x86_64-linux-gnu/libcrypto.so.3. dbus.service is never restarted: every client of the message bus would lose it, logins included. A reboot replaces it. It replaces nginx.service as well: nothing of it is restarted before.

Next: 'sudo afterpatch-agent apply' takes these steps, with '--reboot never' those without it. Nothing was done yet; '-o json' says for each step why nothing smaller suffices.
`);
});

test("a host that needs a reboot and is not rebooted by itself: the rest is done, and the reason is said", () => {
  const scan = caseOf("dbus-and-an-older-kernel-next");
  const shown = renderPlan(planDocument(scan), scan);
  expect(shown.match(/^\d\. .*$/gm)).toEqual(["1. restart-service nginx.service"]);
  expect(shown).toContain("  dbus.service (1 process): dbus.service is never restarted: ");
  expect(shown).toContain("older than the running kernel 6.1.0-56-cloud-amd64. So a reboot is for a person to decide.");
});

test.each<[RebootChoice, string]>([
  [{ mode: "when-required", sessionsFirst: false }, "apply'"],
  [{ mode: "when-required", sessionsFirst: true }, "apply --sessions-first'"],
  [{ mode: "always", sessionsFirst: false }, "apply --reboot always'"],
  [{ mode: "never", sessionsFirst: false }, "apply --reboot never'"],
])("a plan names the command that carries it out: %j", (choice, command) => {
  const scan = caseOf("dbus-without-a-flag");
  expect(renderPlan(planDocument(scan, choice), scan, choice)).toContain(
    `Next: 'sudo afterpatch-agent ${command} takes these steps`,
  );
});

test("the kernel is no process", () => {
  const scan = caseOf("kernel-modules-gone-for-good");
  expect(renderPlan(planDocument(scan), scan)).toContain("Left over, for a person:\n  kernel: The modules of");
});
