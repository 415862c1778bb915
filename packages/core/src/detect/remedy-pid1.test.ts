import { expect, test } from "vitest";
import { factsOf, process, unit } from "../../../../test/fakes/host-facts.ts";
import type { ProcessFacts } from "../facts.ts";
import type { Remedy } from "../scan.ts";
import { indexOf } from "./host.ts";
import { ownerOf } from "./owner.ts";
import { remedyOf } from "./remedy.ts";

// PID 1 and the message bus: what is replaced in place, by a reboot, or by nobody.

const INIT = process(1, "/init.scope", { ppid: 0, executable: "/usr/lib/systemd/systemd" });
const BUSYBOX = process(1, "/", { ppid: 0, executable: "/bin/busybox" });
const BUS = process(10, "/system.slice/dbus.service", { executable: "/usr/bin/dbus-daemon" });

test.each<[string, ProcessFacts, { systemd?: boolean; programRemoved?: boolean }, Partial<Remedy>]>([
  ["systemd as PID 1", INIT, {}, { kind: "reexec", target: "init", automatic: true }],
  [
    "PID 1 that cannot replace itself",
    BUSYBOX,
    { systemd: false },
    {
      kind: "reboot",
      target: "host",
      automatic: false,
      reason: "PID 1 is neither systemd nor sysvinit and how it replaces itself is not known; a reboot replaces it.",
    },
  ],
  ["sysvinit", { ...BUSYBOX, executable: "/sbin/init" }, { systemd: false }, { kind: "reexec", automatic: true }],
  [
    "PID 1 whose program is gone: neither a re-execution nor a reboot would find it",
    INIT,
    { programRemoved: true },
    {
      kind: "none",
      automatic: false,
      reason:
        "The program of PID 1, /usr/lib/systemd/systemd, is no longer on the disk: it could not replace itself, and this host might not start again: install it again.",
    },
  ],
  [
    "a message bus whose program is gone: it would not be there after a reboot",
    BUS,
    { programRemoved: true },
    {
      kind: "none",
      target: "dbus.service",
      automatic: false,
      reason:
        "dbus.service is never restarted: every client of the message bus would lose it, logins included; and its program is no longer on the disk: install it again.",
    },
  ],
])("%s", (_name, first, { systemd = true, programRemoved = false }, expected) => {
  const host = indexOf({ ...factsOf([first], [unit("dbus.service")]), systemd });
  const judged = { owner: ownerOf(first, host), process: first, verdict: "replaced", unknown: null } as const;
  expect(remedyOf({ ...judged, programRemoved }, host)).toMatchObject(expected);
});
