import { expect, test } from "vitest";
import { shownLines } from "./last-words.ts";

test("the last 20 lines, none empty", () => {
  const text = Array.from({ length: 30 }, (_, index) => `line ${index}\n\n`).join("");
  expect(shownLines(text)).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index + 10}`));
});

test.each([
  ["a terminal is told nothing", "\u001b[2Jgone\r", "\\u{1b}[2Jgone\\u{d}"],
  ["secrets stay on the host", "db: password=hunter2 refused", "db: password=[redacted] refused"],
  ["an option's secret, too", "exec: --token abc123 -v", "exec: --token [redacted] -v"],
])("%s", (_name, line, shown) => expect(shownLines(`${line}\n`)).toEqual([shown]));

test("a line of a megabyte is cut", () => {
  expect(shownLines("x".repeat(1_000_000))[0]).toHaveLength(403);
});
