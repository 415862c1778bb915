import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { fakeHost } from "../../../../test/fakes/machine.ts";
import type { Clock } from "../ports.ts";
import { NO_RULES } from "../vetoes/rules.ts";
import { reportOf, sha256 } from "./report.ts";
import { Session } from "./session.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

test("what came of attempts to connect is forgotten, however long the controller is away", async () => {
  const failures: WeakRef<Error>[] = [];
  const stop = new AbortController();
  const clock: Clock = {
    now: () => 0,
    sinceBootMs: () => 0,
    sleep: async (ms) => {
      // All but the pauses between two attempts lasts for ever.
      await (ms > 90_000 ? new Promise(() => {}) : new Promise(setImmediate));
    },
  };
  const session = new Session(
    {
      ...{
        hostId: "h1",
        agentVersion: "0.1.0",
        instanceId: "i1",
        machine: fakeHost({}, clock).machine(),
        rules: NO_RULES,
      },
      ...{ journal: memoryJournal(), clock, sha256, reportOf, lock: () => () => {}, random: () => 0.5 },
      log: { info() {}, warn() {}, error() {} },
      connect: async () => {
        if (failures.length === 50) stop.abort();
        const failure = new Error("connection refused");
        failures.push(new WeakRef(failure));
        throw failure;
      },
    },
    stop.signal,
  );
  await session.run();
  const left = () => {
    collect();
    return failures.filter((failure) => failure.deref() !== undefined).length;
  };
  await expect.poll(left).toBeLessThan(5);
  expect(session).toBeDefined(); // it lives on
});
