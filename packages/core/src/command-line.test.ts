import { expect, test } from "vitest";
import { checkGiven, parserError, wholeNumberOf } from "./command-line.ts";

test("what a parser says becomes one line with an end", () => {
  expect(parserError("Invalid values:\n  Argument: format, Given: x\n")).toMatchObject({
    what: "command line",
    why: "Invalid values: Argument: format, Given: x",
    todo: null,
  });
  expect(parserError(`Unknown argument: ${"a".repeat(100_000)}`).why).toHaveLength(300);
});

test("an unknown option is named once, without its twin in camel case", () => {
  expect(parserError("Unknown arguments: no-such, noSuch").why).toBe("Unknown argument: no-such");
  expect(parserError("Unknown arguments: a-b, c, aB").why).toBe("Unknown arguments: a-b, c");
});

test.each([
  ["one that was mistyped", "Unknown argument: serail", ["status", "--serail", "1"], " (nearest: --serial)"],
  ["with its value", "Unknown arguments: max-hots, maxHots", ["--max-hots=1"], " (nearest: --max-hosts)"],
  ["two of them", "Unknown arguments: serail, formt", ["--serail", "--formt"], " (nearest: --serial, --format)"],
  ["one that is like no other", "Unknown argument: frobnicate", ["--frobnicate"], ""],
  ["a word that is no option", "Unknown argument: serail", ["serail"], ""],
  ["100 kB", `Unknown argument: ${"x".repeat(100_000)}`, [`--${"x".repeat(100_000)}`], ""],
])("an unknown option names the nearest one: %s", (_name, message, argv, expected) => {
  const options = ["serial", "max-hosts", "format", "o"];
  const { why } = parserError(message, [], { argv, options });
  expect(why.match(/ \(nearest: .*$/)?.[0] ?? "").toBe(expected);
});

test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
  ["an option twice", { "data-dir": ["a", "b"] }, /^--data-dir: is given more than once; give it once$/],
  ["a short option twice", { o: ["json", "json"] }, /^-o: is given more than once/],
  ["an empty option", { "data-dir": "" }, /^command line: data-dir is empty; give it a value, or leave it out$/],
  ["an empty element of a list", { label: ["a=b", ""] }, /^command line: label is empty/],
  ["an empty word", { _: [""] }, /is empty/],
])("%s is refused", (_name, args, message) => expect(() => checkGiven(args, ["label"], [])).toThrow(message));

test.each([
  ["--exit-code=yes", /^--exit-code: 'yes' is neither true nor false; write --exit-code alone$/],
  ["-y=1", /^-y: '1' is neither/],
  ["--exit-code=", /^--exit-code: '' is neither/],
])("%s is refused", (word, message) => {
  expect(() => checkGiven({ "exit-code": false, y: false }, [], ["status", word])).toThrow(message);
});

test("lists, other values and what was not given pass", () => {
  expect(
    checkGiven(
      { _: ["init", "x"], label: ["a=b", "c=d"], port: undefined, yes: false, name: " " },
      ["label"],
      ["--port=yes", "--yes=false"],
    ),
  ).toBe(true);
});

test.each([
  ["0", 0],
  ["007", 7],
  ["100", 100],
])("%s is a whole number", (text, value) => expect(wholeNumberOf("--uses", text, 0, 100)).toBe(value));

test.each(["", "-1", "101", "1e2", "0x1", "1.5", " 1", "١", "99999999999999999999", "9".repeat(100_000)])(
  "%j is none",
  (text) => {
    expect(() => wholeNumberOf("--uses", text, 0, 100)).toThrow(
      /^--uses: '[^\n]{0,80}' is no whole number from 0 to 100; give one$/,
    );
  },
);
