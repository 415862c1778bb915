import { expect, test } from "vitest";
import { exitsOf } from "./exits.ts";
import { escaped, filled, textLine, typed } from "./roff.ts";

test.each([
  ["a backslash", "\\u{1b} and C:\\n", "\\eu{1b} and C:\\en"],
  ["hyphens that a shell is to take", "--max-fail 1,-x", "\\-\\-max\\-fail 1,\\-x"],
  ["quotes that a shell is to take", "'role=web' \"a\" `b`", "\\(aqrole=web\\(aq \\(dqa\\(dq \\(gab\\(ga"],
  ["a home and a power", "~/x ^y", "\\(ti/x \\(hay"],
  ["letters of others", "Ä 🙂", "\\[u00C4] \\[u1F642]"],
])("%s", (_name, text, roff) => expect(escaped(text)).toBe(roff));

test("text that begins as a macro does is text", () => {
  expect(textLine(".TH is no macro here")).toBe("\\&.TH is no macro here");
  expect(typed([".bashrc", "'x'"])).toEqual([".RS 4", ".nf", "\\&.bashrc", "\\(aqx\\(aq", ".fi", ".RE"]);
  expect(filled(`${"x".repeat(77)} .SH y`)).toEqual(["x".repeat(77), "\\&.SH y"]);
});

test("each sentence begins a line, an abbreviation none", () => {
  expect(filled("One thing. Another, of the CA. So it is.")).toEqual(["One thing.", "Another, of the CA. So it is."]);
});

test("exit codes are read from the sentence of the help, those of a plugin with what they belong to", () => {
  expect(
    exitsOf("Exit codes: 0 shown; 5 usage, or 3 files; wrong CA; 10 more; of --format nagios: 0 ok, 1 warning."),
  ).toEqual([
    { code: 0, meaning: "shown" },
    { code: 5, meaning: "usage, or 3 files; wrong CA" },
    { code: 10, meaning: "more; of --format nagios: 0 ok, 1 warning" },
  ]);
  expect(() => exitsOf("0 shown, 4 unreachable; 2 failed")).toThrow("cannot be read");
});
