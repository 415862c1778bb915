import { expect, test } from "vitest";
import { indexOf } from "../detect/host.ts";
import { ownerOf } from "../detect/owner.ts";
import type { HostFacts, ProcessFacts, SocketFacts } from "../facts.ts";
import { ownerRule } from "../why/owner-rule.ts";
import { sessionGroups } from "./group.ts";

const OURS = "pid:[1]";
const IMAP: SocketFacts = { fd: 0, protocol: "tcp", localAddress: "127.0.0.1", localPort: 143, listening: false };

function process(pid: number, about: Partial<ProcessFacts>): ProcessFacts {
  return {
    pid,
    ppid: 1,
    sid: pid,
    startTicks: pid,
    startedAt: pid * 10,
    user: "root",
    executable: "/usr/sbin/imapd",
    argv: [],
    cgroup: null,
    pidNamespace: OURS,
    sockets: [],
    files: [],
    ...about,
  };
}

const XINETD = process(5, { executable: "/usr/sbin/xinetd" });
const UNIT = { loadState: "loaded", activeState: "active", type: "", killMode: "", refuseManualStart: false };

function host(running: readonly ProcessFacts[], systemd = false): HostFacts {
  return {
    host: { id: null, name: "web01", bootId: "b", os: "debian 12", kernel: "6.1.0" },
    startedAt: 0,
    elapsedMs: 0,
    pidNamespace: OURS,
    systemd,
    initCgroup: systemd ? "0::/init.scope\n" : null,
    processes: { seen: running.length, scanned: running.length, vanished: 0, unreadable: 0 },
    unreadable: [],
    files: [],
    running,
    units: systemd
      ? [
          { ...UNIT, id: "pop.socket", refuseManualStop: false, triggeredBy: [], accept: true },
          { ...UNIT, id: "pop@1-a-b.service", refuseManualStop: false, triggeredBy: ["pop.socket"], accept: false },
        ]
      : null,
    unitsUnreadable: null,
    xinetd: [
      {
        manager: "xinetd",
        id: "imap",
        name: "imap",
        enabled: true,
        protocol: "tcp",
        port: 143,
        bind: null,
        wait: false,
        server: "/usr/sbin/imapd",
        forked: false,
      },
    ],
    sysv: [],
  };
}

/** `SERVICE: HEAD of MEMBERS`, one for each session. */
function sessions(facts: HostFacts): readonly string[] {
  return sessionGroups(indexOf(facts)).map(
    ({ service, head, members }) => `${service}: ${head.pid} of ${members.map(({ pid }) => pid).join(" ")}`,
  );
}

test.each<[string, readonly ProcessFacts[], readonly string[]]>([
  ["no super-server", [process(9, { executable: "/usr/sbin/nginx" })], []],
  [
    "two connections, oldest first",
    [XINETD, process(20, { ppid: 5, sockets: [IMAP] }), process(10, { ppid: 5, sockets: [IMAP] })],
    ["imap: 10 of 10", "imap: 20 of 20"],
  ],
  [
    "children belong to their session",
    [XINETD, process(10, { ppid: 5, sockets: [IMAP] }), process(11, { ppid: 10, sid: 10, executable: "/bin/sh" })],
    ["imap: 10 of 10 11"],
  ],
  ["an orphan whose xinetd is gone", [process(10, { sockets: [IMAP] })], ["imap: 10 of 10"]],
  [
    "orphans of a server that was killed, by its session",
    [process(12, { sid: 10, sockets: [IMAP] }), process(11, { sid: 10, sockets: [IMAP] })],
    ["imap: 11 of 11 12"],
  ],
  [
    "forks of xinetd share its session and are sessions of their own",
    [
      XINETD,
      process(10, { ppid: 5, sid: 5, executable: "/usr/sbin/xinetd", sockets: [IMAP] }),
      process(11, { ppid: 5, sid: 5, executable: "/usr/sbin/xinetd", sockets: [IMAP] }),
    ],
    ["imap: 10 of 10", "imap: 11 of 11"],
  ],
])("%s", (_name, running, expected) => expect(sessions(host(running))).toEqual(expected));

test("a redirect is served on its service's port, whatever else it has open", () => {
  const onward: SocketFacts = { ...IMAP, fd: 7, localPort: 51234 };
  const listens: SocketFacts = { ...IMAP, fd: 5, localPort: 110, listening: true };
  const fork = process(10, { ppid: 5, sid: 5, executable: "/usr/sbin/xinetd", sockets: [listens, onward, IMAP] });
  expect(sessionGroups(indexOf(host([XINETD, fork]))).map(({ head }) => head.sockets)).toEqual([[IMAP]]);
});

test("an Accept=yes instance is a session of its socket", () => {
  const cgroup = "0::/system.slice/system-pop.slice/pop@1-a-b.service\n";
  const facts = host([process(10, { cgroup }), process(11, { ppid: 10, sid: 10, cgroup })], true);
  expect(sessions(facts)).toEqual(["pop.socket: 10 of 10 11"]);
});

test.each<[string, ProcessFacts, boolean, string]>([
  ["a session by its own socket", process(10, { ppid: 5, sockets: [IMAP] }), false, "127.0.0.1:143/tcp"],
  [
    "a container",
    process(10, { pidNamespace: "pid:[2]" }),
    false,
    "Its PID namespace pid:[2] is not this host's (pid:[1]).",
  ],
  ["not told", process(10, { pidNamespace: null }), false, "could not be read"],
  ["PID 1", process(1, { executable: "/sbin/init" }), false, "It is PID 1."],
  ["nobody's", process(10, { ppid: 5 }), false, "process 5 (/usr/sbin/xinetd) started it"],
  [
    "a unit",
    process(10, { cgroup: "0::/system.slice/ssh.service\n" }),
    true,
    "/system.slice/ssh.service is the unit ssh.service",
  ],
])("why this owner: %s", (_name, of, systemd, expected) => {
  const index = indexOf(host([XINETD, of], systemd));
  expect(ownerRule(of, ownerOf(of, index), index)).toContain(expected);
});
