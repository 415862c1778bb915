import { expect, test } from "vitest";
import type { HostFacts, ProcessFacts, SocketFacts } from "../facts.ts";
import type { UnitFacts } from "../systemd/show.ts";
import type { XinetdService } from "../xinetd/config.ts";
import { indexOf } from "./host.ts";
import { launchUnit, ownerOf } from "./owner.ts";

const HERE = "pid:[1]";
const XINETD_UNIT = "0::/system.slice/xinetd.service\n";

const SERVICES: readonly XinetdService[] = [
  ["imap", 143, "/usr/sbin/imapd", {}],
  ["imap-inside", 143, "/usr/sbin/imapd", { bind: "192.0.2.1" }],
  ["telnet", 23, "/usr/sbin/in.telnetd", {}],
  ["tftp", 69, "/usr/sbin/in.tftpd", { protocol: "udp", wait: true }],
  ["forward", 8025, null, { forked: true }],
  ["rstatd", null, "/usr/sbin/rpc.rstatd", {}],
  ["pop3", 110, "/usr/sbin/pop3d", { enabled: false }],
  ["finger", 79, "/usr/sbin/fingerd", { manager: "inetd" }],
].map(([id, port, server, more]) => ({
  manager: "xinetd",
  id,
  name: id,
  enabled: true,
  protocol: "tcp",
  port,
  bind: null,
  wait: false,
  server,
  forked: false,
  ...(more as object),
})) as readonly XinetdService[]; // a table of what differs, filled up

function socket(localPort: number, more: Partial<SocketFacts> = {}): SocketFacts {
  return { fd: 0, protocol: "tcp", localAddress: "198.51.100.1", localPort, listening: false, ...more };
}

function process(pid: number, executable: string, more: Partial<ProcessFacts> = {}): ProcessFacts {
  return {
    pid,
    ppid: 1,
    sid: pid,
    startTicks: 1,
    startedAt: 0,
    user: "root",
    executable,
    argv: [],
    cgroup: XINETD_UNIT,
    pidNamespace: HERE,
    sockets: [],
    files: [0],
    ...more,
  };
}

const XINETD = process(700, "/usr/sbin/xinetd", {
  sockets: [socket(143, { fd: 5, listening: true }), socket(23, { fd: 6, listening: true })],
});

function owner(running: readonly ProcessFacts[], more: Partial<HostFacts> = {}): string {
  const facts: HostFacts = {
    host: { id: null, name: "h", bootId: "b", os: "o", kernel: "k" },
    startedAt: 0,
    elapsedMs: 0,
    pidNamespace: HERE,
    systemd: true,
    initCgroup: "0::/init.scope\n",
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    unreadable: [],
    files: [],
    running: [XINETD, ...running],
    units: [],
    unitsUnreadable: null,
    xinetd: SERVICES,
    sysv: [],
    ...more,
  };
  const last = facts.running.at(-1) ?? XINETD;
  const { kind, manager, name } = ownerOf(last, indexOf(facts));
  return `${kind} ${manager} ${name}`;
}

const SESSION = process(801, "/usr/sbin/imapd", { ppid: 700, sockets: [socket(143)] });

test.each([
  ["a session, by the local port of standard input", [SESSION], "xinetd-session xinetd imap"],
  [
    "the address decides between two services of one port",
    [process(801, "/x", { sockets: [socket(143, { localAddress: "192.0.2.1" })] })],
    "xinetd-session xinetd imap-inside",
  ],
  ["an orphan", [process(801, "/usr/sbin/imapd", { sockets: [socket(143)] })], "xinetd-session xinetd imap"],
  [
    "a wrapper that became something else",
    [process(801, "/bin/bash", { ppid: 700, sockets: [socket(143)] })],
    "xinetd-session xinetd imap",
  ],
  [
    "a child of a session, by its session leader",
    [SESSION, process(900, "/bin/cat", { ppid: 1, sid: 801 })],
    "xinetd-session xinetd imap",
  ],
  [
    "a grandchild with a session id of its own, by its ancestors",
    [SESSION, process(900, "/bin/sh", { ppid: 801 }), process(901, "/bin/cat", { ppid: 900 })],
    "xinetd-session xinetd imap",
  ],
  [
    "a wait = yes server, with the listening socket as standard input",
    [process(801, "/usr/sbin/in.tftpd", { ppid: 700, sockets: [socket(69, { protocol: "udp" })] })],
    "xinetd-session xinetd tftp",
  ],
  [
    "a TCP socket is no session of a UDP service",
    [process(801, "/x", { cgroup: "0::/system.slice/x.service", sockets: [socket(69)] })],
    "service systemd x.service",
  ],
  [
    "a redirect: xinetd's own program, its connection anywhere",
    [
      process(801, "/usr/sbin/xinetd", {
        ppid: 700,
        sid: 700,
        sockets: [socket(143, { fd: 5, listening: true }), socket(8025, { fd: 7 })],
      }),
    ],
    "xinetd-session xinetd forward",
  ],
  ["xinetd itself, in spite of the sockets it listens on", [], "service systemd xinetd.service"],
  [
    "xinetd itself, in spite of its socket for datagrams",
    [process(700, "/usr/sbin/xinetd", { sockets: [socket(69, { fd: 7, protocol: "udp" }), socket(143, { fd: 5 })] })],
    "service systemd xinetd.service",
  ],
  [
    "a redirect that outlived its xinetd",
    [process(801, "/usr/sbin/xinetd", { sid: 650, sockets: [socket(8025, { fd: 7 })] })],
    "xinetd-session xinetd forward",
  ],
  [
    "a session of inetd",
    [
      process(750, "/usr/sbin/inetd", { cgroup: "0::/system.slice/inetd.service" }),
      process(802, "/usr/sbin/fingerd", { ppid: 750, cgroup: "0::/system.slice/inetd.service", sockets: [socket(79)] }),
    ],
    "xinetd-session inetd finger",
  ],
  [
    "an orphan of inetd, by its unit",
    [process(802, "/bin/sh", { cgroup: "0::/system.slice/openbsd-inetd.service", sockets: [socket(79)] })],
    "xinetd-session inetd finger",
  ],
  [
    "a service without a fixed port, by its program",
    [process(801, "/usr/sbin/rpc.rstatd", { ppid: 700, sockets: [socket(900)] })],
    "xinetd-session xinetd rstatd",
  ],
  [
    "a session of a service that was switched off since",
    [process(801, "/usr/sbin/pop3d", { ppid: 700, sockets: [socket(110)] })],
    "xinetd-session xinetd pop3",
  ],
  [
    "another manager took over the port of a service that was switched off",
    [process(801, "/usr/sbin/pop3d", { cgroup: "0::/system.slice/pop3@1.service", sockets: [socket(110)] })],
    "service systemd pop3@1.service",
  ],
  [
    "a child of xinetd that nothing tells",
    [process(801, "/usr/sbin/ghost", { ppid: 700 })],
    "service systemd xinetd.service",
  ],
  [
    "the shell of a telnet login is its login session's",
    [
      process(801, "/usr/sbin/in.telnetd", { ppid: 700, sockets: [socket(23)] }),
      process(900, "/bin/bash", { ppid: 801, cgroup: "0::/user.slice/user-0.slice/session-4.scope" }),
    ],
    "user-session systemd session-4.scope",
  ],
  [
    "the same socket in a container",
    [process(801, "/usr/sbin/imapd", { pidNamespace: "pid:[2]", sockets: [socket(143)] })],
    "container null pid:[2]",
  ],
  [
    "a container without a mark, by the program that holds it",
    [
      process(40, "/usr/bin/systemd-nspawn", { argv: ["systemd-nspawn", "--machine=web01", "-b"] }),
      process(41, "/sbin/init", { ppid: 40, pidNamespace: "pid:[2]" }),
      process(42, "/usr/sbin/imapd", { ppid: 41, pidNamespace: "pid:[2]" }),
    ],
    "container null nspawn:web01",
  ],
  [
    "podman, by its monitor",
    [
      process(40, "/usr/bin/conmon", { argv: ["conmon", "--api-version", "1", "-c", "ab".repeat(32), "-n", "db"] }),
      process(41, "/usr/bin/postgres", { ppid: 40, pidNamespace: "pid:[2]" }),
    ],
    "container null podman:db",
  ],
  [
    "nothing tells: the container's init",
    [
      process(40, "/usr/bin/unshare"),
      process(41, "/bin/sh", { ppid: 40, pidNamespace: "pid:[2]" }),
      process(42, "/bin/cat", { ppid: 41, pidNamespace: "pid:[2]" }),
    ],
    "container null pid 41 (/bin/sh)",
  ],
  [
    "a PID namespace that cannot be read",
    [process(801, "/usr/sbin/imapd", { pidNamespace: null })],
    "container null /usr/sbin/imapd",
  ],
  [
    "a scope that somebody made",
    [process(801, "/usr/bin/x", { cgroup: "0::/user.slice/run-r1.scope" })],
    "application null /usr/bin/x",
  ],
  [
    "what a rule of the agent's file launched, in the unit that keeps it",
    [process(801, "/usr/bin/x", { cgroup: `0::/system.slice/${launchUnit("shop", 1000, 7)}` })],
    "application null /usr/bin/x",
  ],
])("%s", (_name, running, expected) => expect(owner(running)).toBe(expected));

test.each([
  ["a session without systemd", [SESSION], "xinetd-session xinetd imap"],
  [
    "the shell of a telnet login without systemd",
    [
      process(801, "/usr/sbin/in.telnetd", { ppid: 700, sockets: [socket(23)] }),
      process(802, "/usr/bin/login", { ppid: 801 }),
      process(803, "/bin/bash", { ppid: 802 }),
    ],
    "application null /bin/bash",
  ],
  [
    "its server without systemd",
    [process(801, "/usr/sbin/in.telnetd", { ppid: 700, sockets: [socket(23)] })],
    "xinetd-session xinetd telnet",
  ],
  ["another process without systemd", [process(801, "/usr/sbin/cron")], "application null /usr/sbin/cron"],
  ["PID 1 that is not systemd", [process(1, "/sbin/init", { ppid: 0 })], "init null init"],
])("%s", (_name, running, expected) => expect(owner(running, { systemd: false, initCgroup: null })).toBe(expected));

const CRON: UnitFacts = {
  id: "cron.service",
  loadState: "loaded",
  activeState: "active",
  type: "simple",
  killMode: "process",
  mainPid: 500,
  refuseManualStart: false,
  refuseManualStop: false,
  triggeredBy: [],
  accept: false,
};
const withoutMain = ({ mainPid: _, ...unit }: UnitFacts): UnitFacts => unit;
const IN_CRON = { cgroup: "0::/system.slice/cron.service\n" };

test.each<[string, ProcessFacts, UnitFacts, string]>([
  ["cron itself", process(500, "/usr/sbin/cron", IN_CRON), CRON, "service systemd cron.service"],
  ["a job of cron", process(501, "/bin/sh", { ...IN_CRON, ppid: 500 }), CRON, "application null /bin/sh"],
  [
    "a child of a unit that is stopped whole",
    process(501, "/bin/sh", { ...IN_CRON, ppid: 500 }),
    { ...CRON, killMode: "control-group" },
    "service systemd cron.service",
  ],
  [
    "a unit of which systemd does not know the main process",
    process(501, "/bin/sh", IN_CRON),
    withoutMain(CRON),
    "service systemd cron.service",
  ],
])("%s", (_name, running, unit, expected) => expect(owner([running], { units: [unit] })).toBe(expected));
