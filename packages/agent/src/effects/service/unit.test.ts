import { expect, test } from "vitest";
import { timespanMs } from "./timespan.ts";
import { isServiceName, unitState } from "./unit.ts";

test.each([
  ["1min 30s", 90_000],
  ["10s", 10_000],
  ["100ms", 100],
  ["1h 2min 3.500s", 3_723_500],
  ["0", 0],
  ["infinity", Number.POSITIVE_INFINITY],
  ["", null],
  ["soon", null],
])("the time span %j", (text, expected) => expect(timespanMs(text)).toBe(expected));

test.each([
  ["ssh.service", true],
  ["foo@bar\\x2dbaz.service", true],
  ["--force.service", false],
  ["user@1000.service/foo.service", true],
  ["user@1000.service/--force.service", false],
  ["user@1000.service/foo.service/bar.service", false],
  ["session@1000.service/foo.service", false],
  ["ssh.target", false],
  ["a b.service", false],
  ["ssh.socket", false],
])("%j as the name of a service: %s", (name, expected) => expect(isServiceName(name)).toBe(expected));

test("what systemd 252 says of a running unit", () => {
  const text = `TimeoutStartUSec=1min 30s
TimeoutStopUSec=1min 30s
MainPID=41
Result=success
NRestarts=2
ExecMainStartTimestampMonotonic=1234567
LoadState=loaded
ActiveState=active
SubState=running
InactiveExitTimestampMonotonic=1230000
RefuseManualStart=no
RefuseManualStop=yes
NeedDaemonReload=yes
StartLimitIntervalUSec=10s
StartLimitBurst=5
InvocationID=4644d8d4a7df4315831d3e1c9f4bd95f
`;
  expect(unitState(text)).toEqual({
    loadState: "loaded",
    activeState: "active",
    subState: "running",
    invocationId: "4644d8d4a7df4315831d3e1c9f4bd95f",
    nRestarts: 2,
    mainPid: 41,
    result: "success",
    exit: null,
    programs: [],
    environmentFiles: [],
    hasJob: false,
    needsDaemonReload: true,
    refusal: "RefuseManualStop=yes",
    canReload: false,
    killMode: "",
    startLimit: { burst: 5, intervalMs: 10_000 },
    startedAtMs: 1230,
    timeoutMs: 190_000,
  });
});

test("systemd 219 has no invocation and no counter: main pid and start time stand for them", () => {
  const state = unitState("MainPID=41\nExecMainStartTimestampMonotonic=1234567\nTimeoutStopUSec=infinity\nJob=77\n");
  expect(state).toMatchObject({ invocationId: "41@1234567", nRestarts: null, hasJob: true, timeoutMs: 600_000 });
});

const SSHD = `ExecMainCode=1
ExecMainStatus=255
ExecStartPre={ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -t ; ignore_errors=no ; start_time=[n/a] ; pid=0 ; status=0/0 }
ExecStart={ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -D $SSHD_OPTS ; ignore_errors=no ; start_time=[n/a] ; pid=0 }
EnvironmentFiles=/etc/default/ssh (ignore_errors=yes)
EnvironmentFiles=/etc/ssh options (ignore_errors=no)
`;

test("what a unit starts, with which options, and how it ended", () => {
  expect(unitState(SSHD)).toMatchObject({
    exit: "exit code 255",
    programs: [
      { property: "ExecStartPre", path: "/usr/sbin/sshd", args: ["-t"] },
      { property: "ExecStart", path: "/usr/sbin/sshd", args: ["-D", "$SSHD_OPTS"] },
    ],
    environmentFiles: ["/etc/default/ssh", "/etc/ssh options"],
  });
  expect(unitState("ExecMainCode=2\nExecMainStatus=9\n").exit).toBe("signal 9");
});

test.each([
  ["whose failure does not count", SSHD.replaceAll("ignore_errors=no ; start", "ignore_errors=yes ; start")],
  ["of a unit with a root of its own", `${SSHD}RootDirectory=/srv/jail\n`],
  ["of a unit with mounts of its own", `${SSHD}BindReadOnlyPaths=/srv/sshd:/usr/sbin/sshd:rbind\n`],
])("a program %s is not looked for on the disk", (_name, text) => expect(unitState(text).programs).toEqual([]));
