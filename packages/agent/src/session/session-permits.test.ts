import type { ToAgent } from "@afterpatch/core/session";
import { describe, expect, test } from "vitest";
import { finished, PERMIT, type SessionGiven, sessionOf, WELCOME, welcomed } from "../../../../test/fakes/session.ts";

describe("permits", () => {
  test("are carried out and told again until the ending is acknowledged", async () => {
    const web = await welcomed();
    web.stream().say({ kind: "permit", permit: PERMIT });
    await web.pass(35_000);
    expect(finished(web.stream()).length).toBeGreaterThan(2);
    web.stream().say({ kind: "permit-ack", permitId: "p1" });
    await web.pass(1_000);
    const told = finished(web.stream()).length;
    await web.pass(60_000);
    expect(finished(web.stream())).toHaveLength(told);
    expect(web.host.effects).toHaveLength(1);
  });

  test("of an epoch below the one on the disk are refused", async () => {
    const web = await welcomed();
    web.stream().say({ kind: "permit", permit: { ...PERMIT, epoch: 2 } });
    await web.pass(1_000);
    expect(finished(web.stream())).toMatchObject([{ outcome: { result: "refused", code: "old-epoch" } }]);
    expect(web.host.effects).toEqual([]);
  });

  test("go on without a stream, and the next Hello lists them", async () => {
    const web = await welcomed();
    web.stream().say({ kind: "permit", permit: PERMIT });
    await web.pass();
    web.stream().end(new Error("connection reset"));
    await web.pass(60_000);
    expect(web.host.effects).toHaveLength(1);
    web.stream(2).say({ ...WELCOME, epoch: 4 });
    await web.pass();
    expect(web.stream(2).sent[0]).toMatchObject({ kind: "hello", epoch: 4, permits: [{ permitId: "p1" }] });
    await web.pass(1_000);
    expect(finished(web.stream(2))).toMatchObject([{ permitId: "p1", outcome: { result: "verified" } }]);
  });

  test("left by a process before are brought to their end without any controller", async () => {
    const first = await welcomed();
    first.stream().say({ kind: "permit", permit: PERMIT });
    await first.pass();
    first.stop.abort();
    const records = first.journal.records().filter((r) => r.type === "begun" || r.type === "epoch");
    const web = sessionOf({ records, refusedDials: 99 });
    await web.pass(60_000);
    expect(web.host.effects).toEqual(["restart-service:ssh.service"]);
    expect(web.journal.records().at(-1)).toMatchObject({ type: "ended", op: "p1", ending: { result: "verified" } });
  });
});

describe("an agent that was paused, or whose machine was", () => {
  const permit = { kind: "permit", permit: PERMIT } as const;

  test("does not begin a permit that waited meanwhile: it connects anew and says that it has none", async () => {
    const web = await welcomed();
    web.suspend(3_600_000);
    web.stream().say(permit);
    await web.pass(2_000);
    expect([web.host.effects, web.streams.length, web.stream(1).isClosed]).toEqual([[], 2, true]);
    web.stream(2).say(WELCOME);
    await web.pass();
    expect(web.stream(2).sent[0]).toMatchObject({ kind: "hello", permits: [] });
    web.stream(2).say({ ...permit, permit: { ...PERMIT, permitId: "p2" } });
    await web.pass(60_000);
    expect(web.host.effects).toEqual(["restart-service:ssh.service"]);
  });

  test("leaves its stream, whatever comes first", async () => {
    const web = await welcomed();
    web.suspend(3_600_000);
    await web.pass(11_000);
    expect(web.stream(1).isClosed).toBe(true);
  });

  test("for a few seconds, or awake all day, stays", async () => {
    const web = await welcomed();
    web.suspend(20_000);
    await web.pass(86_400_000);
    expect([web.streams.length, web.stream().isClosed]).toEqual([1, false]);
  });
});

test.each<[string, SessionGiven, readonly ToAgent[]]>([
  ["the epoch", { failAt: { append: 1, when: "before" } }, [WELCOME]],
  ["a permit", { failAt: { append: 2, when: "before" } }, [WELCOME, { kind: "permit", permit: PERMIT }]],
  ["an intent", { failAt: { append: 3, when: "before" } }, [WELCOME, { kind: "permit", permit: PERMIT }]],
  [
    "a refusal",
    { failAt: { append: 2, when: "before" } },
    [WELCOME, { kind: "permit", permit: { ...PERMIT, hostId: "h2" } }],
  ],
])("a journal that cannot take %s ends the agent, with nothing done after it", async (_name, given, messages) => {
  const web = sessionOf(given);
  await web.pass();
  web.stream().say(...messages);
  await web.pass(5_000);
  expect(await Promise.race([web.ended, "runs on"])).toMatchObject({ name: "JournalError", code: "failed" });
  expect([web.stream().isClosed, web.dials.length, web.host.effects]).toEqual([true, 1, []]);
});

test("a journal that cannot take an acknowledgement ends the agent", async () => {
  const web = await welcomed({ failAt: { append: 6, when: "before" } });
  web.stream().say({ kind: "permit", permit: PERMIT });
  await web.pass(20_000);
  expect(web.journal.records()).toHaveLength(5);
  web.stream().say({ kind: "permit-ack", permitId: "p1" });
  await web.pass(1_000);
  expect(await Promise.race([web.ended, "runs on"])).toMatchObject({ name: "JournalError" });
});
