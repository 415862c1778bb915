import { expect, test } from "vitest";
import type { OrderDocument, ReportDocument } from "../documents/report.ts";
import { plain } from "../shell.ts";
import { renderReport } from "./report.ts";

test.each([
  ["a pause with a reason", "paused", "paused by ada: lunch", "paused by ada: lunch"],
  ["a pause without one", "paused", "paused by ada", "paused by ada"],
  ["an abort", "abort-requested", "aborted by ada: wrong hosts", "abort-requested by ada: wrong hosts"],
])("%s says once by whom it was ordered", (_name, type, why, expected) => {
  const order: OrderDocument = { type, at: 0, actor: "ada", why, wave: null, host: null };
  const report: ReportDocument = {
    ...{ schema: "afterpatch.report/v1", id: "r1", name: "", reason: "DSA-1", state: "paused", why: "paused by ada" },
    ...{ actor: "ada", createdAt: 0, endedAt: null, digest: "d", pattern: "all", waves: ["1"], orders: [order] },
    ...{ hosts: [], uncovered: [], audit: null, totals: {} as ReportDocument["totals"] }, // not looked at
  };
  const lines = renderReport(report, plain).split("\n");
  expect(lines[0]).toBe("Rollout r1 paused by ada");
  expect(lines[3]).toBe(`1970-01-01T00:00:00Z ${expected}`);
});
