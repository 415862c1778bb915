import type { Permit, PermitUpdate } from "@afterpatch/core/session";
import { describe, expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { fakeHost } from "../../../../test/fakes/machine.ts";
import { PERMIT } from "../../../../test/fakes/session.ts";
import { NO_RULES, type Rules } from "../vetoes/rules.ts";
import { Orders } from "./orders.ts";
import { reportOf, sha256 } from "./report.ts";

/** A host with an old sshd and rules of its own, and what its agent told of permits. */
function agent(rules: Partial<Rules>) {
  const clock = fakeClock();
  const host = fakeHost({ units: [{ name: "ssh.service", isOld: true }] }, clock);
  const journal = memoryJournal();
  const updates: PermitUpdate[] = [];
  const orders = new Orders({
    ...{ hostId: "h1", machine: host.machine(), rules: { ...NO_RULES, ...rules }, journal, clock, sha256, reportOf },
    lock: () => () => {},
    emit: (update) => updates.push(update),
    signal: new AbortController().signal,
  });
  return { host, journal, orders, updates };
}

async function take({ orders }: ReturnType<typeof agent>, permit: Partial<Permit> = {}): Promise<void> {
  const { done } = await orders.take({ ...PERMIT, ...permit }, PERMIT.epoch);
  await done;
}

/** Result and code of each ending that was told. */
function endings({ updates }: ReturnType<typeof agent>): readonly string[] {
  return updates.flatMap((u) => (u.state === "finished" ? [`${u.outcome.result} ${u.outcome.code}`.trim()] : []));
}

describe("the agent's file", () => {
  test("that is invalid refuses every permit, and lets the next one through when it is mended", async () => {
    const file = { isValid: false };
    const veto = async () => (file.isValid ? null : ({ code: "config", message: "agent.yaml:3: grace" } as const));
    const web = agent({ veto });
    await take(web);
    await take(web, { permitId: "p2" });
    expect(endings(web)).toEqual(["refused config", "refused config"]);
    expect(web.host.effects).toEqual([]);
    file.isValid = true;
    await take(web, { permitId: "p3" });
    await take(web);
    expect(endings(web).slice(2)).toEqual(["verified", "refused config"]);
    expect(web.host.effects).toEqual(["restart-service:ssh.service"]);
  });

  test.each([
    [
      { graceMs: 5_000, settleMs: 5_000 },
      { graceMs: 10_000, settleMs: 7_000 },
      { graceMs: 10_000, settleMs: 7_000 },
    ],
    [
      { graceMs: 50_000, settleMs: 5_000 },
      { graceMs: 10_000, settleMs: 7_000 },
      { graceMs: 50_000, settleMs: 7_000 },
    ],
  ])("%j of a permit and %j of the file are %j", async (permit, least, expected) => {
    const web = agent({ least: async () => least });
    await take(web, permit);
    const [begun] = web.journal.records().filter((record) => record.type === "begun");
    expect(begun).toMatchObject({ order: expected });
  });
});
