import { agentService, controlService, enrollService, trustService } from "@afterpatch/wire/services";
import { expect, test } from "vitest";
import { type Caller, isPermitted, PERMISSIONS } from "./permissions.ts";

const methods = [agentService, controlService, enrollService, trustService].flatMap((service) =>
  Object.values(service).map((method) => method.path),
);

test("every method of every service has a row, and no row is without a method", () => {
  expect([...PERMISSIONS.keys()].sort()).toEqual([...methods].sort());
});

const LOOK = [
  "GetFreeze",
  "WhyHost",
  "ListEvents",
  "ReportRollout",
  "WatchEvents",
  "GetTrend",
  "FindOldCode",
  "ListBudgets",
  "NextWindows",
  "GetRollout",
  "ListHosts",
  "ListRollouts",
  "PlanFleet",
  "WatchRollout",
  "RenewOperator",
  "GetAuthority",
  "ListOperators",
  "ListWaitingHosts",
  "ListAudit",
];
const HOLD = ["WriteOffHost", "CordonHosts", "UncordonHosts", "FreezeFleet", "ThawFleet"];
const ACT = [...HOLD, "ReadmitHost", "AbortRollout", "ApproveRollout", "PauseRollout", "ResumeRollout", "StartRollout"];

const DECIDE = [
  "CreateToken",
  "ListTokens",
  "RevokeToken",
  "AddOperator",
  "CreateLoginToken",
  "SetOperatorRole",
  "RevokeOperator",
  "RevokeHost",
  "ForgetHost",
  "ReleaseHost",
];

const ALLOWED: Readonly<Record<Caller, readonly string[]>> = {
  anyone: ["Enroll", "Login", "Readmit"],
  host: ["Connect", "RenewHost"],
  viewer: LOOK,
  operator: [...ACT, ...LOOK],
  admin: [...DECIDE, ...ACT, ...LOOK],
};

test.each(Object.keys(ALLOWED) as Caller[])("%s may call exactly what is listed", (caller) => {
  const permitted = methods.filter((method) => isPermitted(method, caller)).map((method) => method.split("/")[2]);
  expect(permitted.toSorted()).toEqual(ALLOWED[caller].toSorted());
});

test("a method that is not in the table is refused to everybody", () => {
  for (const caller of Object.keys(ALLOWED) as Caller[]) {
    expect(isPermitted("/afterpatch.v1.ControlService/Exec", caller)).toBe(false);
    expect(isPermitted("/afterpatch.v1.agentservice/connect", caller)).toBe(false);
  }
});
