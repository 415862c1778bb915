import { readFileSync } from "node:fs";
import type { Scan } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import { planDocument, renderPlan } from "./plan.ts";
import { renderScan } from "./scan.ts";

const path = new URL("../../../../test/cases/debian-12-libssl-and-imapd/findings.json", import.meta.url);
const HOST = JSON.parse(readFileSync(path, "utf8")) as Scan; // a case of ours
const CLEAN: Scan = { ...HOST, findings: [], unreadable: [] };

test("what is old, by owner, and what to do next", () => {
  expect(renderScan(HOST, true)).toBe(`web01: 6 processes run old code
debian 12, kernel 6.1.0-50-amd64 (not compared with what would boot next), 13 processes looked at

systemd (PID 1): reexec
  pid 1  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

ssh.service: restart-service ssh.service
  pid 37  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

systemd-journald.service: restart-service systemd-journald.service
  pid 18  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

systemd-logind.service: nothing automatic. Only on request: graphical sessions may lose their devices. The restart ends every process of the unit (KillMode=control-group).
  pid 33  root  replaced  /usr/lib/x86_64-linux-gnu/libcrypto.so.3

imap (xinetd): end-session imap
  pid 50  root  replaced  /usr/sbin/imapd
  pid 51  root  replaced  /usr/sbin/imapd

Next: 'afterpatch-agent plan' shows the steps in order, 'sudo afterpatch-agent apply' takes them.
`);
});

test("nothing runs old code", () => expect(renderScan(CLEAN, true)).toContain("web01: nothing runs old code\n"));

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
  expect(shown).toContain("  systemd-logind.service (1 process): Only on request");
  expect(renderPlan(planDocument(CLEAN), CLEAN)).toContain("nothing to do, nothing runs old code");
});
