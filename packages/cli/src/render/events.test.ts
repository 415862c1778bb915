import { expect, test } from "vitest";
import type { FleetEventDocument } from "../documents/events.ts";
import { plain } from "../shell.ts";
import { renderEvent } from "./events.ts";

const EVENT: FleetEventDocument = {
  ...{ schema: "afterpatch.event/v1", seq: 7, at: 0, type: "rollout.progress", host: "web01", hostId: "01K" },
  ...{ rollout: "r1", actor: "host/01K", details: { step: "restart-service nginx.service", stepOutcome: "done" } },
};
const SAID = 'step="restart-service nginx.service"  stepOutcome="done"';

test.each<[string, Partial<FleetEventDocument>, string]>([
  ["a host is named, not numbered", {}, "web01  r1  by host/web01"],
  ["another one's word keeps its id", { actor: "host/01L" }, "web01  r1  by host/01L"],
  ["a host without a name keeps its id", { host: null }, "-  r1  by host/01K"],
  ["a person", { actor: "user/ada" }, "web01  r1  by user/ada"],
])("%s", (_name, change, expected) => {
  const line = `     7  1970-01-01T00:00:00Z  rollout.progress  ${expected}  ${SAID}\n`;
  expect(renderEvent({ ...EVENT, ...change }, plain)).toBe(line);
});
