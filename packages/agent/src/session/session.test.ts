import { describe, expect, test } from "vitest";
import type { SessionDeps } from "./session.ts";
import { PERMIT, sessionOf, WELCOME, welcomed } from "../../../../test/fakes/session.ts";

describe("the first messages", () => {
  test("nothing is said before Welcome; then Hello, then a report", async () => {
    const web = sessionOf();
    await web.pass();
    expect(web.stream().sent).toEqual([]);
    web.stream().say(WELCOME);
    await web.pass(1_000);
    expect(web.stream().sent).toMatchObject([
      { kind: "hello", agentVersion: "0.1.0", bootId: "boot-1", epoch: 3, permits: [] },
      { kind: "report", requestId: "", report: { findings: { service: 1 } } },
    ]);
  });

  test("the epoch is on the disk before Hello answers it, and is written once", async () => {
    const web = await welcomed();
    expect(web.epochsAtHello).toEqual([3]);
    web.stream().end();
    await web.pass(2_000);
    web.stream(2).say(WELCOME);
    await web.pass();
    expect(web.journal.records()).toEqual([{ type: "epoch", epoch: 3 }]);
    expect(web.epochsAtHello).toEqual([3, 3]);
  });

  test("a controller that begins with anything else gets no answer, and is dialled again", async () => {
    const web = sessionOf();
    await web.pass();
    web.stream().say({ kind: "permit", permit: PERMIT }, WELCOME);
    await web.pass(2_000);
    expect([web.stream(1).sent, web.stream(1).isClosed, web.host.effects]).toEqual([[], true, []]);
    expect(web.streams).toHaveLength(2);
  });

  test("a controller of an older epoch than this host has seen gets no answer", async () => {
    const web = sessionOf({ records: [{ type: "epoch", epoch: 4 }] });
    await web.pass();
    web.stream().say(WELCOME, { kind: "permit", permit: PERMIT });
    await web.pass(2_000);
    expect([web.stream(1).sent, web.stream(1).isClosed, web.host.effects]).toEqual([[], true, []]);
    web.stream(2).say({ ...WELCOME, epoch: 4 });
    await web.pass();
    expect(web.stream(2).kinds()[0]).toBe("hello");
    expect(web.journal.records()).toEqual([{ type: "epoch", epoch: 4 }]);
  });

  test("a controller that says Welcome twice is left", async () => {
    const web = await welcomed();
    web.stream().say({ ...WELCOME, epoch: 9 });
    await web.pass(2_000);
    expect(web.stream(1).isClosed).toBe(true);
    expect(web.journal.records()).toEqual([{ type: "epoch", epoch: 3 }]);
  });
});

describe("dialling again", () => {
  const gaps = (dials: readonly number[]) => dials.slice(1).map((at, i) => at - (dials[i] ?? 0));

  test("waits twice as long after each failure, up to a ceiling", async () => {
    const web = sessionOf({ refusedDials: 99 });
    await web.pass(400_000);
    // Half of 1 s, 2 s, 4 s ... 90 s: the test's randomness is 0.5.
    expect(gaps(web.dials).slice(0, 9)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 45_000, 45_000]);
  });

  test("begins anew with a short wait once a controller was reached", async () => {
    const web = sessionOf({ refusedDials: 6 });
    await web.pass(40_000);
    web.stream().say(WELCOME);
    await web.pass(1_000);
    const before = web.dials.length;
    web.stream().end();
    await web.pass(1_000);
    expect(web.dials).toHaveLength(before + 1);
  });

  test("stops with the signal", async () => {
    const web = sessionOf({ refusedDials: 99 });
    await web.pass(10_000);
    web.stop.abort();
    await web.pass(200_000);
    expect(await web.ended).toBe("ended");
    expect(web.dials.length).toBeLessThan(8);
  });
});

test("a question about the host is answered beside everything else; without answers it is told so", async () => {
  const asked: string[] = [];
  const probe: SessionDeps["probe"] = async (question) => {
    asked.push(question.kind);
    return { why: null, failedUnits: [], ports: ["tcp 22"], units: [] };
  };
  const web = await welcomed({ probe });
  web.stream().say({ kind: "probe", requestId: "q1", probe: { kind: "snapshot" }, timeoutMs: 1_000 });
  await web.pass();
  expect(asked).toEqual(["snapshot"]);
  const answer = { why: null, failedUnits: [], ports: ["tcp 22"], units: [] };
  expect(web.stream().sent.at(-1)).toEqual({ kind: "probe-result", requestId: "q1", answer });

  const mute = await welcomed();
  mute.stream().say({ kind: "probe", requestId: "q2", probe: { kind: "unit", name: "x" }, timeoutMs: 1_000 });
  await mute.pass();
  expect(mute.stream().sent.at(-1)).toMatchObject({ answer: { why: "this agent answers no questions" } });
});

test("a question is dropped with the stream on which it came", async () => {
  let isDropped = false;
  const probe: SessionDeps["probe"] = (_question, _withinMs, signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        isDropped = true;
        resolve({ why: "late", failedUnits: [], ports: [], units: [] });
      });
    });
  const web = await welcomed({ probe });
  const first = web.stream();
  first.say({ kind: "probe", requestId: "q1", probe: { kind: "snapshot" }, timeoutMs: 600_000 });
  await web.pass();
  first.end();
  await web.pass(2_000);
  expect(isDropped).toBe(true);
  web.stream().say(WELCOME);
  await web.pass();
  expect(web.streams.length).toBe(2);
  expect(web.streams.flatMap(({ sent }) => sent.map(({ kind }) => kind))).not.toContain("probe-result");
});
