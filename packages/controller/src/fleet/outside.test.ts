import { expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { CLEAN, STILL_OLD } from "../../../../test/fakes/fleet.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";
import { hear } from "../api/agent.ts";
import { changedOutside } from "./outside.ts";

const NONE = { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };
const BEFORE = { bootId: "b1", kernel: "6.1.0-1", findings: { ...NONE, service: 2, "xinetd-session": 3 } };

test.each([
  ["nothing", {}, null],
  ["another boot", { bootId: "b2" }, "reboot: another boot than at its last report (kernel 6.1.0-1)"],
  [
    "another kernel",
    { bootId: "b2", kernel: "6.1.0-2" },
    "reboot: another boot than at its last report (kernel 6.1.0-1, now 6.1.0-2)",
  ],
  ["sessions that end", { findings: { ...NONE, service: 2 } }, null],
  ["more that is old", { findings: { ...NONE, service: 5 } }, null],
  [
    "a service that is new",
    { findings: { ...NONE, service: 1 } },
    "restart: 1 of its services do not run old code any more",
  ],
  ["a boot that is not known", { bootId: "" }, null],
])("%s", (_name, now, expected) => {
  const change = changedOutside(BEFORE, { ...BEFORE, ...now });
  expect(change && `${change.what}: ${change.detail}`).toBe(expected);
  expect(changedOutside(null, { ...BEFORE, ...now })).toBeNull();
});

test("it is told of hosts that no rollout has in hand, and of no other", async () => {
  const bench = await ControllerBench.with(["web1", "web2"]);
  const run = await bench.start();
  const warnings: object[] = [];
  const log = { info() {}, warn: (fields: object) => void warnings.push(fields), error() {} };
  const report = async (name: string, link: Parameters<typeof hear>[2], sent: typeof CLEAN) =>
    hear({ ...run.deps, log }, name, link, { kind: "report", report: sent, requestId: "" });
  const [web1, web2] = [await run.connect("web1"), await run.connect("web2")];
  await report("web1", web1, STILL_OLD);
  await report("web2", web2, STILL_OLD);
  await run.engine.start(rolloutPlan({ hosts: ["web1"] }), "request-1");
  await report("web1", web1, CLEAN);
  await report("web2", web2, CLEAN);
  expect(warnings).toEqual([{ host: "web2", name: "web2", what: "restart", detail: expect.any(String) }]);
});
