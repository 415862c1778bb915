import { expect, test } from "vitest";
import { DEFAULT_POLICY } from "./defaults.ts";
import { keptFromOrder } from "./kept.ts";
import type { Policy } from "./types.ts";

const POLICY: Policy = {
  ...DEFAULT_POLICY,
  units: { ...DEFAULT_POLICY.units, protected: ["postgres*"], ask: ["slapd"] },
};

test.each<[string, string, readonly string[], Partial<Policy>, string | null]>([
  ["a unit like any other", "nginx.service", [], {}, null],
  [
    "one that is protected",
    "postgresql@15-main.service",
    [],
    {},
    "protects postgresql@15-main.service (units.protected: postgres*)",
  ],
  [
    "one that is asked for on the host",
    "slapd.service",
    [],
    {},
    "leaves slapd.service to a person on the host (units.ask: slapd)",
  ],
  ["one that is built in", "dbus.service", [], {}, "dbus.service is kept: every client"],
  [
    "one that would take such a one along",
    "nginx.service",
    ["app.service", "postgresql.service"],
    {},
    "protects postgresql.service, which is restarted with nginx.service,",
  ],
  ["a file without the verb", "nginx.service", [], { verbs: ["reboot"] }, "leaves restart-service to a person (verbs)"],
])("%s", (_name, unit, along, policy, expected) => {
  const why = keptFromOrder({ ...POLICY, ...policy }, unit, along);
  expect(why).toEqual(expected === null ? null : expect.stringContaining(expected));
});
