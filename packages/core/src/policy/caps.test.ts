import { expect, test } from "vitest";
import { type Begun, overCap } from "./caps.ts";
import { DEFAULT_POLICY } from "./defaults.ts";
import type { Caps } from "./types.ts";

const NOTHING: Begun = { restartsInRun: 0, restartsInHour: 0, rebootsInDay: 0, uptimeMs: 86_400_000 };

test.each<[string, string, Partial<Begun>, Partial<Caps>, string | null]>([
  ["the second reboot of a day", "reboot", { rebootsInDay: 1 }, {}, null],
  ["the third", "reboot", { rebootsInDay: 2 }, {}, "2 reboots in the last 24 hours, and caps.reboots is 2"],
  ["any, where none is allowed", "reboot", {}, { reboots: 0 }, "0 reboots in the last 24 hours, and caps.reboots is 0"],
  ["a reboot after 15 minutes", "reboot", { uptimeMs: 900_000 }, {}, null],
  ["a reboot earlier", "reboot", { uptimeMs: 899_999 }, {}, "up for 899s, and caps.minimumUptime is 15m"],
  ["the hundredth restart", "restart-service", { restartsInRun: 99, restartsInHour: 99 }, {}, null],
  ["the last restart of a run", "restart-service", { restartsInRun: 4 }, { restartsPerRun: 5 }, null],
  [
    "one more",
    "restart-service",
    { restartsInRun: 5 },
    { restartsPerRun: 5 },
    "5 restarts in this run, and caps.restartsPerRun is 5",
  ],
  ["the last restart of an hour", "relaunch-application", { restartsInHour: 4 }, { restartsPerHour: 5 }, null],
  [
    "one more in it",
    "relaunch-application",
    { restartsInHour: 1 },
    { restartsPerHour: 1 },
    "1 restart in the last hour, and caps.restartsPerHour is 1",
  ],
  ["a session, where no restart is allowed", "end-session", {}, { restartsPerRun: 0, restartsPerHour: 0 }, null],
  ["PID 1, which is replaced and not restarted", "reexec", {}, { restartsPerRun: 0, restartsPerHour: 0 }, null],
])("%s", (_name, kind, begun, caps, expected) => {
  expect(overCap(kind, { ...NOTHING, ...begun }, { ...DEFAULT_POLICY.caps, ...caps })).toBe(expected);
});
