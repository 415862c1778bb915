import { beforeAll, expect, test } from "vitest";
import { describeLab } from "../lab/describe.ts";
import { type Campaign, campaign } from "./campaign.ts";

/** Of one `apply`: the beginning, intent and outcome of four steps, the end, and that it was told. */
const RECORDS = 11;

await describeLab("the agent killed at every fsync and rename of its journal", () => {
  let total: Campaign;

  beforeAll(async () => {
    const say = (line: string) => console.error(`crash: ${line}`);
    const name = `crash-${process.pid % 1000}`;
    total = await campaign({ name, hosts: 3, seed: 1, kills: 60, only: null, series: "ci", say });
  });

  test("no effect happened twice, and none is missing from the record", () => {
    expect(total.failures).toEqual([]);
    expect(total.kills).toBeGreaterThanOrEqual(60);
  });

  test("every record was synced, and the agent was killed or failed at each sync", () => {
    expect(total.points.get("before fdatasync")).toBeGreaterThanOrEqual(RECORDS);
    expect(total.points.get("EIO fdatasync")).toBeGreaterThanOrEqual(RECORDS);
    for (const point of ["before fsync", "before rename", "after rename"])
      expect([...total.points.keys()]).toContain(point);
    expect(total.lostBytes).toBeGreaterThan(0);
  });
});
