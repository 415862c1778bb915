import { expect, test } from "vitest";
import { parseStat } from "./stat.ts";

const REST = "S 1 812 812 0 -1 4194560 900 0 0 0 5 3 0 0 20 0 1 0 4711 12345 100 18446744073709551615 1 1 0";

test("an ordinary process", () => {
  expect(parseStat(`812 (sshd) ${REST}\n`)).toEqual({
    comm: "sshd",
    state: "S",
    ppid: 1,
    sid: 812,
    isKernelThread: false,
    startTicks: 4711,
  });
});

test.each([
  ["a closing bracket", "a) R 9 9 9 ("],
  ["a newline", "a\nb"],
  ["blanks", " a b "],
])("a name with %s", (_name, comm) =>
  expect(parseStat(`812 (${comm}) ${REST}`)).toMatchObject({ comm, ppid: 1, startTicks: 4711 }),
);

test("a kernel thread", () => {
  expect(parseStat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 1 0")).toMatchObject({
    isKernelThread: true,
  });
});

test("the session, not the group of processes, which stands before it", () => {
  expect(parseStat("5 (sh) S 1 44 33 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 0")).toMatchObject({ ppid: 1, sid: 33 });
});

test.each([") S 1 2 3 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 0 (", "", "812", "812 (sshd", "812 (sshd) S 1 812"])(
  "%j is no stat line",
  (text) => expect(parseStat(text)).toBeNull(),
);
