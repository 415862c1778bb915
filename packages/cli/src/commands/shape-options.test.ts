import { DEFAULT_REBOOT } from "@afterpatch/core/plan/reboot";
import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import { expect, test } from "vitest";
import { type ShapeArgs, shapedBy } from "./shape-options.ts";

const quiet = () => {};

async function specOf(args: Partial<ShapeArgs>): Promise<RolloutSpec | null> {
  return (await shapedBy({ serial: "1", ...args }, DEFAULT_REBOOT, quiet)).input?.spec ?? null;
}

test("flags that the protocol knows make no file", async () => {
  const shaped = await shapedBy({ serial: "1,25%", maxFail: "2" }, DEFAULT_REBOOT, quiet);
  expect(shaped).toEqual({ input: null, serial: "1,25%", maxFail: "2", reboot: DEFAULT_REBOOT });
});

test("the others make one, which says all that the command line did", async () => {
  const reboot = {
    ...DEFAULT_REBOOT,
    delayMs: 300_000,
    withinMs: 900_000,
    message: "patch night",
    sessionsFirst: true,
  };
  const args = { serial: "2,25%", by: "zone", bake: "30m", maxFail: "3", window: "sat,sun 22:00 4h Europe/Paris" };
  const shaped = await shapedBy(
    { ...args, drainCmd: "/h/lb drain {host}", undrainCmd: "/h/lb  enable {host}" },
    reboot,
    quiet,
  );
  expect([shaped.serial, shaped.maxFail, shaped.reboot]).toEqual(["1", undefined, DEFAULT_REBOOT]);
  const spec = shaped.input?.spec;
  expect(spec?.actions.reboot).toEqual(reboot);
  expect(spec?.waves).toMatchObject([
    { name: "first", pick: { per: [], count: 2 }, ramp: [{ kind: "hosts", count: 2 }], bakeMs: 1_800_000 },
    { name: "rest", pick: null, ramp: [{ kind: "percent", percent: 25 }], bakeMs: 0 },
  ]);
  expect(spec?.budgets).toEqual([
    { by: "zone", select: null, limit: { kind: "groups", most: 1 }, acceptOutage: false },
  ]);
  expect(spec?.stop).toMatchObject({ maxFailures: 3, maxFailuresPercent: null });
  expect(spec?.windows).toMatchObject([{ days: ["sat", "sun"] }]);
  expect(spec?.hooks.drain?.command).toEqual(["/h/lb", "drain", "{host}"]);
  expect(spec?.hooks.undrain?.command).toEqual(["/h/lb", "enable", "{host}"]);
});

test("a percentage of failures, and a window of every day", async () => {
  expect((await specOf({ maxFail: "5%" }))?.stop).toMatchObject({ maxFailuresPercent: 5 });
  expect((await specOf({ window: "22:00 4h UTC" }))?.windows).toHaveLength(1);
  expect((await specOf({ bake: "1h" }))?.waves[1]).toMatchObject({ ramp: [{ kind: "hosts", count: 1 }] });
});

test.each<[Partial<ShapeArgs>, RegExp]>([
  [{ file: "x.yaml", bake: "5m" }, /^--bake: the file says it \(waves\)/],
  [{ file: "x.yaml", drainCmd: "/h/lb" }, /^--drain-cmd: the file says it \(hooks.drain\)/],
  [{ bake: "soon" }, /^--bake: .*is not a duration/],
  [{ bake: "5m", serial: "25%" }, /^--bake: the first batch of --serial 25% is no number of hosts/],
  [{ by: "Zone" }, /^--by: .Zone. is no key of a label/],
  [{ maxFail: "101%" }, /^--max-fail: .101%. is no number of hosts/],
  [{ maxFail: "many", by: "zone" }, /^--max-fail: .many. is no number/],
  [{ window: "tonight" }, /^--window: .tonight. is no window/],
  [{ window: "sam 22:00 4h UTC" }, /^--window: .* is no window/],
  [{ window: "22:00 4h Europe/Nowhere" }, /^--window: Europe\/Nowhere is not a time zone/],
  [{ window: "25:00 4h UTC" }, /^--window: has to be a time of day/],
  [{ drainCmd: "/h/lb {host}" }, /^--drain-cmd: --undrain-cmd is missing/],
  [{ undrainCmd: "/h/lb {host}" }, /^--undrain-cmd: --drain-cmd is missing/],
  [{ drainCmd: "lb {host}", undrainCmd: "/h/lb" }, /^--drain-cmd: .* does not begin with a program's path/],
  [{ serial: "0" }, /^--serial: /],
])("what cannot be meant is one line: %j", async (args, line) => {
  await expect(specOf(args)).rejects.toMatchObject({ message: expect.stringMatching(line), exit: 5 });
});
