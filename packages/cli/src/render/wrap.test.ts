import { expect, test } from "vitest";
import { wrapped } from "./wrap.ts";

const LINE = "    restart-service nginx.service: it maps the old libssl.so.3";

test.each<[string, string, number | null, string]>([
  ["without a terminal nothing is changed", LINE, null, LINE],
  ["a line that fits is not touched", LINE, LINE.length, LINE],
  [
    "a longer one breaks at a space and goes on further in",
    LINE,
    40,
    "    restart-service nginx.service: it\n      maps the old libssl.so.3",
  ],
  [
    "other lines stay",
    `a\n${LINE}\n\n`,
    61,
    `a\n    restart-service nginx.service: it maps the old\n      libssl.so.3\n\n`,
  ],
  [
    "colours have no width",
    "\u001b[33mrestart-service nginx.service\u001b[39m: it maps",
    38,
    "\u001b[33mrestart-service nginx.service\u001b[39m: it maps",
  ],
  ["a word that is longer than a line stays whole", `Digest ${"a".repeat(64)}`, 30, `Digest\n  ${"a".repeat(64)}`],
  ["a terminal that has no room is left to itself", LINE, 10, LINE],
])("%s", (_name, text, columns, expected) => {
  expect(wrapped(text, columns)).toBe(expected);
});
