import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Ten questions to web1, by their number; `ends` answers one. */
function tenOf(turns: Turns, signal: AbortSignal) {
  const asked: number[] = [];
  const ends: (() => void)[] = [];
  const answers = Array.from({ length: 10 }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    ends.push(() => resolve(index));
    const ask = () => {
      asked.push(index);
      return promise;
    };
    return turns.take("web1", ask, signal);
  });
  return { asked, ends, answers };
}

test("an agent has eight questions at once; each answer lets the next one be asked", async () => {
  const turns = new Turns();
  const { asked, ends, answers } = tenOf(turns, new AbortController().signal);
  await settled();
  expect(asked).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  ends[3]?.();
  await settled();
  expect(asked).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  for (const end of ends) end();
  expect(await Promise.all(answers)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("another host's questions wait for nobody, nor does a question that failed keep its turn", async () => {
  const turns = new Turns();
  const going = new AbortController().signal;
  const { ends, answers, asked } = tenOf(turns, going);
  expect(await turns.take("web2", async () => "heard", going)).toBe("heard");
  for (const end of ends) end();
  await Promise.all(answers);
  expect(asked).toHaveLength(10);
  await expect(turns.take("web1", () => Promise.reject(new Error("lost")), going)).rejects.toThrow("lost");
  expect(await turns.take("web1", async () => "heard", going)).toBe("heard");
});

test("who is cut off while waiting is not asked, and takes no turn", async () => {
  const turns = new Turns();
  const stop = new AbortController();
  const { asked, ends, answers } = tenOf(turns, stop.signal);
  await settled();
  stop.abort();
  expect(await answers[8]).toBeNull();
  for (const end of ends) end();
  await Promise.all(answers);
  expect(asked).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(await turns.take("web1", async () => "heard", new AbortController().signal)).toBe("heard");
});
