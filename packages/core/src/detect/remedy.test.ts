import { expect, test } from "vitest";
import { factsOf, process, unit } from "../../../../test/fakes/host-facts.ts";
import type { ProcessFacts } from "../facts.ts";
import type { Remedy } from "../scan.ts";
import type { UnitFacts } from "../systemd/show.ts";
import { indexOf } from "./host.ts";
import { ownerOf } from "./owner.ts";
import { remedyOf } from "./remedy.ts";

const USER = "/user.slice/user-1000.slice/user@1000.service";

function remedy(running: readonly ProcessFacts[], units: readonly UnitFacts[]): Remedy | undefined {
  const host = indexOf(factsOf(running, units));
  const [first] = running;
  if (!first) return undefined;
  const owner = ownerOf(first, host);
  return remedyOf({ owner, process: first, verdict: "replaced", programRemoved: false, unknown: null }, host);
}

const db = process(10, "/system.slice/db.service");
const foo = process(10, `${USER}/app.slice/foo.service`);
const manager = process(10, `${USER}/init.scope`);
const FOO = "user@1000.service/foo.service";
const REPLACES = "A program in memory stays the old one until its service is stopped and started.";

test.each<[string, readonly ProcessFacts[], readonly UnitFacts[], Partial<Remedy>]>([
  [
    "a service, all of whose processes end",
    [db],
    [unit("db.service")],
    {
      kind: "restart-service",
      target: "db.service",
      automatic: true,
      reason: `${REPLACES} The restart ends every process of the unit (KillMode=control-group).`,
    },
  ],
  [
    "what a restart leaves behind is told by name",
    [db, process(11, "/system.slice/db.service")],
    [unit("db.service", { killMode: "process" })],
    {
      automatic: true,
      reason: `${REPLACES} The restart ends the main process alone (KillMode=process) and leaves pid 11 (/usr/sbin/served), old as well, running.`,
    },
  ],
  [
    "a connection of a user's own socket",
    [process(10, `${USER}/app.slice/imaps@1.service`)],
    [
      unit("user@1000.service/imaps@1.service", { triggeredBy: ["user@1000.service/own.socket"] }),
      unit("user@1000.service/own.socket", { accept: true }),
    ],
    { automatic: false, reason: expect.stringMatching(/^It serves one connection of user@1000.service\/own.socket: /) },
  ],
  [
    "a connection of a user's own socket, told by the socket beside it",
    [process(10, `${USER}/app.slice/imaps@1.service`)],
    [unit("user@1000.service/imaps@1.service"), unit("user@1000.service/imaps.socket", { accept: true })],
    {
      automatic: false,
      reason: expect.stringMatching(/^It serves one connection of user@1000.service\/imaps.socket: /),
    },
  ],
  [
    "what is restarted along is told, as far as it runs, over others too",
    [db],
    [
      unit("db.service", { restartsAlong: ["app.service", "off.service", "db.socket"] }),
      unit("app.service", { restartsAlong: ["web.service", "db.service"] }),
      unit("off.service", { activeState: "inactive" }),
      unit("web.service"),
      unit("db.socket"),
    ],
    {
      automatic: true,
      takesAlong: ["app.service", "web.service"],
      reason: `${REPLACES} The restart ends every process of the unit (KillMode=control-group). systemd restarts app.service, web.service along with it.`,
    },
  ],
  [
    "what would take along a unit that is never restarted",
    [db],
    [unit("db.service", { restartsAlong: ["gdm.service"] }), unit("gdm.service")],
    {
      kind: "restart-service",
      automatic: false,
      reason:
        "Never: gdm.service with it: a restart ends every graphical session; restart it when nobody is logged in.",
    },
  ],
  [
    "the message bus",
    [process(10, "/system.slice/dbus.service")],
    [unit("dbus.service")],
    {
      kind: "reboot",
      target: "host",
      automatic: false,
      reason:
        "dbus.service is never restarted: every client of the message bus would lose it, logins included. A reboot replaces it.",
    },
  ],
  [
    "the message bus, of which systemd told nothing",
    [process(10, "/system.slice/dbus-broker.service")],
    [],
    { kind: "reboot", target: "host" },
  ],
  [
    "what would take the message bus along",
    [db],
    [unit("db.service", { restartsAlong: ["dbus.service"] }), unit("dbus.service")],
    {
      kind: "reboot",
      target: "host",
      automatic: false,
      reason:
        "db.service is never restarted: dbus.service would be restarted with it, and every client of the message bus would lose it, logins included. A reboot replaces it.",
    },
  ],
  [
    "no reboot for what would take the message bus along, and is done once for all",
    [db],
    [unit("db.service", { type: "oneshot", restartsAlong: ["dbus.service"] }), unit("dbus.service")],
    { kind: "restart-service", automatic: false, reason: "Its type is oneshot: a restart would run its work again." },
  ],
  [
    "what would take along a unit that is restarted on request",
    [db],
    [unit("db.service", { restartsAlong: ["docker.service"] }), unit("docker.service")],
    { automatic: false, onRequest: true },
  ],
  [
    "a unit that is restarted on request",
    [process(10, "/system.slice/systemd-logind.service")],
    [unit("systemd-logind.service")],
    {
      automatic: false,
      onRequest: true,
      reason:
        "Only on request: graphical sessions may lose their devices. The restart ends every process of the unit (KillMode=control-group).",
    },
  ],
  [
    "what refuses is not restarted on request either",
    [process(10, "/system.slice/systemd-logind.service")],
    [unit("systemd-logind.service", { refuseManualStop: true })],
    { automatic: false, reason: "The unit refuses to be stopped by hand (RefuseManualStop=yes)." },
  ],
  [
    "a service of a user",
    [foo],
    [unit("user@1000.service", { mainPid: 5 }), unit(FOO)],
    { kind: "restart-service", target: FOO, automatic: true },
  ],
  [
    "a service of a user whose manager did not answer",
    [foo],
    [unit("user@1000.service", { mainPid: 5 })],
    {
      automatic: false,
      reason:
        "The user's manager told nothing about this unit; ask them to run: systemctl --user restart -- foo.service.",
    },
  ],
  ["a oneshot of a user", [foo], [unit(FOO, { type: "oneshot" })], { automatic: false }],
  [
    "the message bus of a user",
    [process(10, `${USER}/session.slice/dbus.service`)],
    [unit("user@1000.service/dbus.service")],
    {
      automatic: false,
      reason: "Never: every program of the user's session talks over this message bus and would lose it.",
    },
  ],
  [
    "a part of a user's graphical session",
    [process(10, `${USER}/session.slice/org.gnome.Shell@wayland.service`)],
    [unit("user@1000.service/org.gnome.Shell@wayland.service")],
    { automatic: false },
  ],
  [
    "a user's manager",
    [manager],
    [unit("user@1000.service")],
    { kind: "reexec", target: "user@1000.service", automatic: true },
  ],
  [
    "(sd-pam) beside it",
    [process(11, `${USER}/init.scope`, { ppid: 10 }), manager],
    [unit("user@1000.service")],
    {
      kind: "none",
      automatic: false,
      reason:
        "It holds the login of the user with uid 1000 open, (sd-pam) beside their manager, and ends when they are logged out.",
    },
  ],
  ["a user's manager that systemd does not tell", [manager], [], { kind: "none", automatic: false }],
  [
    "the agent itself",
    [process(10, "/system.slice/afterpatch-agent.service")],
    [unit("afterpatch-agent.service", { killMode: "mixed" })],
    { kind: "restart-service", automatic: true, reason: expect.stringMatching(/^The agent comes last of all/) },
  ],
])("%s", (_name, running, units, expected) => {
  const found = remedy(running, units);
  expect(found).toMatchObject(expected);
  if (!expected.onRequest) expect(found).not.toHaveProperty("onRequest");
});
