import { expect, test } from "vitest";
import type { HostFacts, ProcessFacts, SocketFacts } from "../facts.ts";
import { planOf } from "../plan/plan.ts";
import { DEFAULT_POLICY } from "../policy/defaults.ts";
import { narrowed } from "../policy/narrow.ts";
import { scanOf } from "../findings.ts";
import type { Remedy } from "../scan.ts";
import type { UnitFacts } from "../systemd/show.ts";
import type { XinetdService } from "../xinetd/config.ts";

function process(pid: number, executable: string, port: number | null, more: Partial<ProcessFacts> = {}): ProcessFacts {
  const socket: SocketFacts = {
    fd: 0,
    protocol: "tcp",
    localAddress: "192.0.2.1",
    localPort: port ?? 0,
    listening: false,
  };
  return {
    pid,
    ppid: 700,
    sid: pid,
    startTicks: 1,
    startedAt: 0,
    user: "root",
    executable,
    argv: [],
    cgroup: "0::/system.slice/xinetd.service\n",
    pidNamespace: "pid:[1]",
    sockets: port === null ? [] : [socket],
    files: [0],
    ...more,
  };
}

function service(id: string, port: number, more: Partial<XinetdService> = {}): XinetdService {
  return {
    manager: "xinetd",
    id,
    name: id,
    enabled: true,
    protocol: "tcp",
    port,
    bind: null,
    wait: false,
    server: "/usr/sbin/served",
    forked: false,
    ...more,
  };
}

const SERVICES = [
  service("imap", 143),
  service("talk", 518, { wait: true }),
  service("forward", 8025, { server: null, forked: true }),
  service("shell", 22, { server: "/usr/sbin/sshd" }),
];

function unit(id: string, more: Partial<UnitFacts> = {}): UnitFacts {
  return {
    id,
    loadState: "loaded",
    activeState: "active",
    type: "forking",
    killMode: "process",
    refuseManualStart: false,
    refuseManualStop: false,
    triggeredBy: [],
    accept: false,
    ...more,
  };
}

const XINETD = process(700, "/usr/sbin/xinetd", null, { ppid: 1 });
const SESSION = process(801, "/usr/sbin/imapd", 143);
const WAITER = process(802, "/usr/sbin/talkd", 518);
const FORK = process(803, "/usr/sbin/xinetd", 8025, { sid: 700 });
const SSHD = process(804, "/usr/sbin/sshd", null, {
  sockets: [{ fd: 3, protocol: "tcp", localAddress: "192.0.2.1", localPort: 22, listening: false }],
});
const ACCEPTED = process(805, "/usr/sbin/imapd", 993, {
  ppid: 1,
  cgroup: "0::/system.slice/imaps@1-a:1-b:2.service\n",
});
const LOGIN = process(806, "/usr/sbin/sshd", 22, { ppid: 1, cgroup: "0::/system.slice/ssh@1-a:1-b:2.service\n" });
const UNITS = [
  unit("xinetd.service"),
  unit("imaps@1-a:1-b:2.service", { triggeredBy: ["imaps.socket"] }),
  unit("imaps.socket", { accept: true }),
  unit("ssh@1-a:1-b:2.service"),
  unit("ssh.socket", { accept: true }),
];

function scan(running: readonly ProcessFacts[], { systemd = true, units = UNITS } = {}) {
  const facts: HostFacts = {
    host: { id: null, name: "h", bootId: "b", os: "o", kernel: "k" },
    startedAt: 0,
    elapsedMs: 0,
    pidNamespace: "pid:[1]",
    systemd,
    initCgroup: systemd ? "0::/init.scope\n" : null,
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    unreadable: [],
    files: [
      {
        path: "/usr/lib/libwrap.so.0",
        mapped: { kind: "build-id", hex: "01" },
        onDisk: { kind: "build-id", hex: "02" },
      },
    ],
    running: systemd ? running : running.map((one) => ({ ...one, cgroup: "0::/\n" })),
    units: systemd ? units : null,
    unitsUnreadable: null,
    xinetd: SERVICES,
    sysv: [],
  };
  return scanOf(facts, (text) => text);
}

function remedyOf(running: readonly ProcessFacts[], options = {}): Remedy | undefined {
  return scan(running, options).findings.find(({ process }) => process?.pid === running[0]?.pid)?.remedy;
}

const NEW_XINETD = { ...XINETD, files: [] };
const NATIVE = [unit("xinetd.service", { killMode: "control-group" }), ...UNITS.slice(1)];

test.each<[string, readonly ProcessFacts[], object, Partial<Remedy>]>([
  ["a session", [SESSION, XINETD], {}, { target: "imap", automatic: true, reason: expect.stringMatching(/^New conn/) }],
  [
    "a server that new connections still come to",
    [WAITER, NEW_XINETD],
    {},
    { target: "talk", automatic: true, reason: expect.stringMatching(/^It answers every connection to talk itself/) },
  ],
  [
    "a fork of an xinetd that is old itself: after its restart",
    [FORK, XINETD],
    {},
    {
      target: "forward",
      automatic: true,
      after: "xinetd.service",
      reason: expect.stringMatching(/^(?!.*already start the new program)/),
    },
  ],
  [
    "a fork of an xinetd that a person must ask to restart",
    [FORK, XINETD],
    { units: NATIVE },
    { target: "forward", automatic: false, onRequest: true, after: "xinetd.service" },
  ],
  ["a fork that outlived its xinetd", [{ ...FORK, ppid: 1 }], {}, { target: "forward", automatic: true }],
  ["a fork of an xinetd that is new", [FORK, NEW_XINETD], {}, { target: "forward", automatic: true }],
  ["a connection of an Accept=yes socket", [ACCEPTED], {}, { target: "imaps.socket", automatic: true }],
  ["sshd for one connection", [LOGIN], {}, { target: "ssh.socket", automatic: false, onRequest: true }],
  ["sshd -i", [SSHD, XINETD], {}, { target: "shell", automatic: false, onRequest: true }],
  [
    "sshd -i without systemd",
    [SSHD, XINETD],
    { systemd: false },
    { target: "shell", automatic: false, onRequest: true },
  ],
  [
    "the shell below it, without systemd",
    [process(901, "/usr/bin/bash", null, { ppid: 804 }), SSHD, XINETD],
    { systemd: false },
    { target: "shell", automatic: false, onRequest: true },
  ],
  [
    "what a session runs says nothing of its service",
    [SESSION, process(902, "/home/eve/sshd", 22, { ppid: 801, sid: 801 }), XINETD],
    {},
    { target: "imap", automatic: true },
  ],
  [
    "xinetd, whose restart leaves the sessions and not the servers that hold its ports",
    [XINETD],
    {},
    { automatic: true, reason: expect.stringContaining("the servers of talk are ended (wait = yes)") },
  ],
  [
    "xinetd, whose restart ends the sessions",
    [XINETD],
    { units: NATIVE },
    {
      automatic: false,
      onRequest: true,
      reason: expect.stringContaining("would end every open session of imap, talk, forward, shell, those that run new"),
    },
  ],
])("%s", (_name, running, options, expected) => {
  const found = remedyOf(running, options);
  expect(found).toMatchObject(expected);
  for (const key of ["onRequest", "after"] as const) if (!(key in expected)) expect(found).not.toHaveProperty(key);
});

test("the plan: sessions, then xinetd, then its forks", () => {
  const ids = planOf(scan([SESSION, FORK, XINETD])).steps.map(({ id }) => id);
  expect(ids).toEqual(["end-session:imap", "restart-service:xinetd.service", "end-session:forward"]);
});

test("forks of an xinetd that the agent's file protects wait for a person with it", () => {
  const policy = { ...DEFAULT_POLICY, units: { protected: ["xinetd"], ask: [] } };
  const narrow = narrowed(scan([FORK, XINETD]), policy);
  expect(planOf(narrow).steps).toEqual([]);
  expect(planOf(narrow, [{ kind: "end-session", target: "forward" }]).steps).toHaveLength(1);
});

test("names of units are made visible wherever they are shown: a user's own manager may say what it likes", () => {
  const name = "user@1000.service/own.service";
  const hostile = "user@1000.service/\u001b[2J.service";
  const cgroup = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/own.service\n";
  const { findings } = scan([process(10, "/usr/bin/own", null, { ppid: 2, cgroup })], {
    units: [unit(name, { restartsAlong: [hostile] }), unit(hostile)],
  });
  expect(findings.map(({ remedy }) => remedy.takesAlong)).toEqual([["user@1000.service/\\u{1b}[2J.service"]]);
});
