import { describe, expect, test } from "vitest";
import { planOf } from "../plan/plan.ts";
import { REMEDIES, type Finding, type Remedy, SCAN_SCHEMA, type Scan } from "../scan.ts";
import { DEFAULT_POLICY } from "./defaults.ts";
import { narrowed } from "./narrow.ts";
import type { Policy } from "./types.ts";

const RESTART = { kind: "restart-service", target: "nginx.service", automatic: true, reason: "It is old." } as const;
const SESSION = { kind: "end-session", target: "imap", automatic: true, reason: "It is old." } as const;

function finding(remedy: Remedy, user = "root", owner = remedy.target): Finding {
  return {
    id: `${remedy.kind}-${user}`,
    verdict: "replaced",
    kind: "service",
    process: { pid: 7, startTicks: 70, startedAt: 0, user, executable: "/usr/sbin/x", command: "x" },
    owner: { kind: "service", manager: "systemd", name: owner },
    files: [],
    remedy,
  };
}

function scanOf(findings: readonly Finding[]): Scan {
  const kernel = { running: "6.1", expected: null, verdict: "unknown" } as const;
  return {
    schema: SCAN_SCHEMA,
    host: { id: null, name: "web01", bootId: "b", os: "debian 12", kernel },
    startedAt: 0,
    elapsedMs: 0,
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    findings,
    unreadable: [],
    notes: [],
    reboot: { required: false, reasons: [] },
  };
}

function remedyUnder(policy: Partial<Policy>, given: Finding, users: readonly string[] = []): Remedy | undefined {
  const result = narrowed(scanOf([given]), { ...DEFAULT_POLICY, ...policy }, new Map([[given.id, users]]));
  return result.findings[0]?.remedy;
}

const units = (protected_: readonly string[], ask: readonly string[] = []) => ({
  units: { protected: protected_, ask },
});

describe("a remedy is left to a person", () => {
  test.each<[string, Partial<Policy>, Finding, string]>([
    [
      "because of its verb",
      { verbs: ["end-session", "reexec"] },
      finding(RESTART),
      "Never: the agent's file leaves restart-service to a person (verbs: end-session, reexec).",
    ],
    [
      "because no verb is allowed",
      { verbs: [] },
      finding(SESSION),
      "Never: the agent's file leaves end-session to a person (verbs: none).",
    ],
    [
      "because its unit is protected",
      units(["postgres*", "ngin[xy]"]),
      finding(RESTART),
      "Never: the agent's file protects nginx.service (units.protected: ngin[xy]).",
    ],
    [
      "because a protected unit would be restarted along with it",
      units(["db.service"]),
      finding({ ...RESTART, takesAlong: ["web.service", "db.service"] }),
      "Never: the agent's file protects db.service, which would be restarted with nginx.service (units.protected: db.service).",
    ],
    [
      "because a service of SysV is protected by the name of its unit",
      units(["cron.service"]),
      finding({ ...RESTART, target: "cron" }),
      "Never: the agent's file protects cron (units.protected: cron.service).",
    ],
    [
      "because PID 1 is protected by name",
      units(["systemd"]),
      finding({ kind: "reexec", target: "init", automatic: true, reason: "" }, "root", "systemd"),
      "Never: the agent's file protects init (units.protected: systemd).",
    ],
    [
      "because its user is",
      { users: { protected: ["svc-*", "bob"] } },
      finding(SESSION, "bob"),
      "Never: the agent's file keeps the sessions of bob (users.protected: bob).",
    ],
  ])("%s", (_name, policy, given, reason) => {
    const remedy = remedyUnder(policy, given);
    expect(remedy).toMatchObject({ automatic: false, reason });
    expect(remedy).not.toHaveProperty("onRequest");
  });

  test("because somebody of its session is", () => {
    const remedy = remedyUnder({ users: { protected: ["bob"] } }, finding(SESSION, "root"), ["root", "bob"]);
    expect(remedy?.reason).toBe("Never: the agent's file keeps the sessions of bob (users.protected: bob).");
  });

  test("also where it could have been requested", () => {
    const asked: Remedy = { ...RESTART, automatic: false, onRequest: true };
    expect(remedyUnder(units(["nginx"]), finding(asked))).not.toHaveProperty("onRequest");
  });
});

describe("a remedy is taken on request only", () => {
  const reason = "Only on request: the agent's file says so (units.ask: nginx). It is old.";
  test("where its unit is in units.ask", () => {
    expect(remedyUnder(units([], ["nginx"]), finding(RESTART))).toEqual({
      ...RESTART,
      automatic: false,
      onRequest: true,
      reason,
    });
  });
  test("so it is a step when it is named, and residue otherwise", () => {
    const scan = narrowed(scanOf([finding(RESTART)]), { ...DEFAULT_POLICY, ...units([], ["nginx"]) });
    expect(planOf(scan)).toMatchObject({ steps: [], residue: [{ owner: "nginx.service", reason }] });
    expect(planOf(scan, [RESTART]).steps).toHaveLength(1);
  });
  test("never where it is protected too", () => {
    const remedy = remedyUnder(units(["nginx"], ["nginx"]), finding(RESTART));
    expect(remedy).not.toHaveProperty("onRequest");
  });
});

describe("a reboot is left to a person", () => {
  const reason = "dbus.service is never restarted.";
  const bus = finding({ kind: "reboot", target: "host", automatic: true, reason }, "messagebus", "dbus.service");
  const kernel: Finding = { ...bus, owner: { kind: "kernel", manager: null, name: "kernel" }, process: null };
  test.each<[string, Partial<Policy>, Finding, string]>([
    [
      "because of its verb",
      { verbs: ["restart-service"] },
      bus,
      "Never: the agent's file leaves reboot to a person (verbs: restart-service).",
    ],
    [
      "because none may be done in a day",
      { caps: { ...DEFAULT_POLICY.caps, reboots: 0 } },
      kernel,
      "Never: the agent's file leaves reboot to a person (caps.reboots: 0).",
    ],
    [
      "because what needs it is protected",
      units(["dbus"]),
      bus,
      "Never for its sake: the agent's file protects dbus.service (units.protected: dbus).",
    ],
    [
      "because everything is protected",
      units(["*"]),
      kernel,
      "Never for its sake: the agent's file protects kernel (units.protected: *).",
    ],
    [
      "because what needs it is done on request",
      units([], ["dbus*"]),
      bus,
      "Only on request: the agent's file says so (units.ask: dbus*).",
    ],
  ])("%s", (_name, policy, given, why) => {
    const remedy = remedyUnder(policy, given);
    expect(remedy).toEqual({ ...given.remedy, automatic: false, reason: `${why} ${reason}` });
  });

  test("while another unit is protected it is not: that is about restarts of this unit", () => {
    expect(remedyUnder(units(["postgres*", "host", "h*"]), kernel)).toEqual(kernel.remedy);
  });

  test("so the restarts that it would have made needless are steps", () => {
    const scan = narrowed(scanOf([bus, finding(RESTART)]), { ...DEFAULT_POLICY, verbs: ["restart-service"] });
    const { steps, residue } = planOf(scan);
    expect(steps.map(({ id }) => id)).toEqual(["restart-service:nginx.service"]);
    expect(residue.map(({ owner }) => owner)).toEqual(["dbus.service"]);
    expect(planOf(scanOf([bus, finding(RESTART)])).steps.map(({ id }) => id)).toEqual(["reboot:host"]);
  });
});

describe("a remedy stays as it was", () => {
  const forbidden: Remedy = { ...RESTART, automatic: false, reason: "Never: built in." };
  test.each<[string, Partial<Policy>, Finding]>([
    ["by the defaults", {}, finding(RESTART)],
    ["where another unit is protected", units(["nginx2", "ngin"]), finding(RESTART)],
    ["where another user is", { users: { protected: ["alice"] } }, finding(SESSION, "bob")],
    ["where it was forbidden before", units(["nginx"]), finding(forbidden)],
    [
      "where it was on request before",
      units([], ["nginx"]),
      finding({ ...RESTART, automatic: false, onRequest: true }),
    ],
    ["where a unit is called like a xinetd service", units(["imap"]), finding(SESSION)],
  ])("%s", (_name, policy, given) => expect(remedyUnder(policy, given)).toEqual(given.remedy));
});

test("no policy allows what was not allowed", () => {
  for (const kind of REMEDIES) {
    for (const verbs of [DEFAULT_POLICY.verbs, []]) {
      const remedy = { kind, target: "x.service", automatic: false, reason: "Never: built in." };
      expect(remedyUnder({ verbs, ...units([], ["*"]) }, finding(remedy))).toEqual(remedy);
    }
  }
});
