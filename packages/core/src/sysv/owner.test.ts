import { expect, test } from "vitest";
import { indexOf } from "../detect/host.ts";
import { ownerOf } from "../detect/owner.ts";
import type { HostFacts, ProcessFacts } from "../facts.ts";
import { type SysvService, sysvService } from "./owner.ts";

const WEB: SysvService = {
  name: "webd",
  programs: ["/usr/sbin/webd"],
  packaged: ["/usr/sbin/webd", "/usr/lib/webd/helper"],
  pidFiles: [{ path: "/run/webd.pid", pid: 500, writtenAt: 10_000, alive: true }],
};
const CRON: SysvService = {
  name: "cron",
  programs: ["/usr/sbin/cron"],
  packaged: [],
  pidFiles: [{ path: "/run/crond.pid", pid: 600, writtenAt: 10_000, alive: true }],
};
const LOG: SysvService = { name: "logd", programs: [], packaged: ["/usr/sbin/logd"], pidFiles: [] };

function process(pid: number, executable: string, more: Partial<ProcessFacts> = {}): ProcessFacts {
  const usual = { ppid: 1, sid: pid, startTicks: 1, startedAt: 9000, user: "root", argv: [], cgroup: null };
  return { pid, executable, ...usual, pidNamespace: "pid:[1]", sockets: [], files: [0], ...more };
}

function told(running: readonly ProcessFacts[], sysv = [WEB, CRON, LOG], openrc = false): string {
  const facts: HostFacts = {
    host: { id: null, name: "h", bootId: "b", os: "o", kernel: "k" },
    startedAt: 0,
    elapsedMs: 0,
    pidNamespace: "pid:[1]",
    systemd: false,
    initCgroup: null,
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    unreadable: [],
    files: [],
    running,
    units: null,
    unitsUnreadable: null,
    xinetd: [],
    sysv,
    ...(openrc ? { openrc } : {}),
  };
  const last = running.at(-1);
  if (!last) return "";
  const { manager, name } = ownerOf(last, indexOf(facts));
  return `${manager} ${name} ${sysvService(last, indexOf(facts))?.rule ?? "-"}`;
}

const MASTER = process(500, "/usr/sbin/webd");

test.each([
  ["8:name=openrc:/webd\n1:cpu:/\n", "openrc webd control-group"],
  ["0::/openrc.webd\n", "openrc webd control-group"],
  ["0::/openrc.nobody\n", "null /opt/x -"],
  ["0::/\n", "null /opt/x -"],
])("OpenRC's control groups: %j", (cgroup, expected) => {
  expect(told([process(700, "/opt/x", { ppid: 9, cgroup })], undefined, true)).toBe(expected);
});

test("what OpenRC keeps by its pid file is OpenRC's", () => {
  expect(told([MASTER], undefined, true)).toBe("openrc webd pid-file");
});

test.each([
  ["its pid file names it", [MASTER], "sysv webd pid-file"],
  [
    "a worker, by its ancestor",
    [MASTER, process(501, "/usr/sbin/webd", { ppid: 500, sid: 500 })],
    "sysv webd ancestor",
  ],
  [
    "another program below the service in its session",
    [MASTER, process(501, "/usr/bin/perl", { ppid: 500, sid: 500 })],
    "sysv webd ancestor",
  ],
  [
    "a job of cron has a session of its own",
    [process(600, "/usr/sbin/cron"), process(601, "/bin/sh", { ppid: 600 })],
    "null /bin/sh -",
  ],
  [
    "the fork of cron that waits for a job",
    [process(600, "/usr/sbin/cron"), process(601, "/usr/sbin/cron", { ppid: 600, sid: 600 })],
    "null /usr/sbin/cron -",
  ],
  [
    "the number was given to another process after the file was written",
    [process(500, "/usr/sbin/webd", { startedAt: 13_000 })],
    "sysv webd program",
  ],
  ["another program has the number", [process(500, "/usr/bin/game")], "null /usr/bin/game -"],
  ["no pid file: the package tells", [process(700, "/usr/sbin/logd")], "sysv logd package"],
  ["an earlier run that was left behind", [MASTER, process(502, "/usr/sbin/webd")], "null /usr/sbin/webd -"],
  [
    "started by a person",
    [process(90, "/bin/bash"), process(701, "/usr/sbin/logd", { ppid: 90 })],
    "null /usr/sbin/logd -",
  ],
])("%s", (_name, running, expected) => expect(told(running)).toBe(expected));

test("two services whose packages ship the program: nobody is guessed", () => {
  expect(told([process(700, "/usr/sbin/logd")], [LOG, { ...LOG, name: "other" }])).toBe("null /usr/sbin/logd -");
});
