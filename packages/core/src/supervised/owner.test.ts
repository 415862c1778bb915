import { expect, test } from "vitest";
import { factsOf, process, unit } from "../../../../test/fakes/host-facts.ts";
import { indexOf } from "../detect/host.ts";
import { ownerOf } from "../detect/owner.ts";
import { remedyOf } from "../detect/remedy.ts";
import type { ProcessFacts } from "../facts.ts";
import { parseSupervisedTarget, type SupervisedService, supervisedTarget } from "./owner.ts";

const WEB: SupervisedService = { manager: "runit", name: "web", pid: 20, supervisor: 10 };
const INIT = process(1, "/init.scope", { ppid: 0, executable: "/sbin/init" });
const RUNSV = process(10, "/system.slice/runit.service", { executable: "/usr/bin/runsv" });
const MAIN = process(20, "/system.slice/runit.service", { ppid: 10, sid: 20, executable: "/usr/sbin/web" });
const below = (more: Partial<ProcessFacts>) =>
  process(21, "/system.slice/runit.service", { ppid: 20, sid: 20, executable: "/usr/bin/perl", ...more });

/** Owner and remedy of the last of these processes. */
function told(running: readonly ProcessFacts[], supervised = [WEB], programRemoved = false): string {
  const facts = {
    ...factsOf([INIT, RUNSV, ...running], [unit("runit.service", { killMode: "process", mainPid: 9 })]),
    supervised,
  };
  const host = indexOf(facts);
  const last = running.at(-1) ?? RUNSV;
  const owner = ownerOf(last, host);
  const { kind, target, automatic } = remedyOf(
    { owner, process: last, verdict: "replaced", programRemoved, unknown: null },
    host,
  );
  return `${owner.kind} ${owner.manager} ${owner.name}: ${kind} ${target}${automatic ? "" : ", not by itself"}`;
}

const SERVICE = "service runit web: restart-service runit:web";
const nobodys = (path: string) => `application null ${path}: none ${path}, not by itself`;

test.each([
  ["what the supervisor started", told([MAIN]), SERVICE],
  ["what that started, in its session", told([MAIN, below({})]), SERVICE],
  ["a worker with a session of its own", told([MAIN, below({ sid: 21, executable: MAIN.executable })]), SERVICE],
  ["another program with a session of its own", told([MAIN, below({ sid: 21 })]), nobodys("/usr/bin/perl")],
  [
    "a login, whose server is the service's program",
    told([{ ...MAIN, executable: "/usr/sbin/sshd" }, below({ sid: 21, executable: "/usr/sbin/sshd" })]),
    nobodys("/usr/sbin/sshd"),
  ],
  [
    "a job of cron's",
    told([{ ...MAIN, executable: "/usr/sbin/cron" }, below({ executable: "/bin/sh" })]),
    nobodys("/bin/sh"),
  ],
  ["the supervisor itself, which its unit leaves running", told([]), nobodys("/usr/bin/runsv")],
  ["a pid that another process has by now", told([{ ...MAIN, ppid: 1 }]), nobodys("/usr/sbin/web")],
  ["its program is gone", told([MAIN], [WEB], true), `${SERVICE}, not by itself`],
  [
    "a service that only a person restarts",
    told([MAIN], [{ ...WEB, name: "networking" }]),
    "service runit networking: restart-service runit:networking, not by itself",
  ],
  ["the message bus", told([MAIN], [{ ...WEB, name: "dbus" }]), "service runit dbus: reboot host, not by itself"],
  ["s6", told([MAIN], [{ ...WEB, manager: "s6" }]), "service s6 web: restart-service s6:web"],
] as const)("%s", (_what, said, expected) => expect(said).toBe(expected));

test.each([
  ["runit:web", { manager: "runit", name: "web" }],
  ["s6:a/log", { manager: "s6", name: "a/log" }],
  ["supervisord:group:process", { manager: "supervisord", name: "group:process" }],
  ["supervisord:", null],
  ["web", null],
  ["other:web", null],
  ["a@runit:web.service", null],
])("the target %s", (target, parsed) => {
  expect(parseSupervisedTarget(target)).toEqual(parsed);
  if (parsed) expect(supervisedTarget(parsed as SupervisedService)).toBe(target); // one of the rows above
});
