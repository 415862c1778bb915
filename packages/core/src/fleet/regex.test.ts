import fc from "fast-check";
import { expect, test } from "vitest";
import { regexOf } from "./regex.ts";

function matches(text: string, name: string): boolean {
  const regex = regexOf(text);
  if (regex.kind === "invalid") throw new Error(`${text}: ${regex.why}`);
  return regex.matches(name);
}

test.each<[string, string, boolean]>([
  ["web", "web01", true],
  ["eb", "web01", false],
  [".*eb", "web01", true],
  ["web\\d{2}$", "web01", true],
  ["web\\d{2}$", "web001", false],
  ["(?:web|db)0[1-3]", "db02", true],
  ["^[^w]", "web01", false],
  ["", "anything", true],
])("%s on %s: %s", (text, name, expected) => expect(matches(text, name)).toBe(expected));

test.each<[string, RegExp]>([
  ["(a", /never closed/],
  ["a)", /closes nothing/],
  ["[a", /never closed/],
  ["*a", /repeats nothing/],
  ["a**", /cannot be repeated/],
  ["(?=a)", /no other form/],
  ["(?P<x>a)", /no other form/],
  ["\\b", /not known/],
  ["a{2,1}", /smaller number first/],
  ["a{x}", /no number of times/],
  ["[z-a]", /backwards/],
  ["((a{99}){99}){99}", /too long/],
  ["x".repeat(300), /at most 250/],
])("%s is refused", (text, why) => {
  expect(regexOf(text)).toEqual({ kind: "invalid", why: expect.stringMatching(why) });
});

test.each(["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){12}$", "a*a*a*a*a*a*b"])("%s ends at once, and says no", (text) => {
  const started = performance.now();
  expect(matches(text, `${"a".repeat(253)}!`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(1_000);
});

test("what takes too long over a fleet is known to be unfinished", () => {
  const regex = regexOf("((a?){60}b?){4}c");
  if (regex.kind === "invalid") throw new Error(regex.why);
  for (let name = 0; name < 20_000 && !regex.isSpent(); name++) regex.matches(`${"a".repeat(200)}${name}`);
  expect(regex.isSpent()).toBe(true);
});

const atom = fc.constantFrom("a", "b", "1", ".", "[ab]", "[^a]", "\\d", "\\w", "-", "\\.");
const expression: fc.Arbitrary<string> = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    atom,
    fc.tuple(atom, fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "*?")).map((parts) => parts.join("")),
    fc.tuple(tie("any"), tie("any")).map((parts) => parts.join("")),
    fc.tuple(tie("any"), tie("any")).map((parts) => `(${parts.join("|")})`),
    fc.tuple(tie("any"), fc.constantFrom("*", "+", "?", "{0,2}")).map(([inner, sign]) => `(?:${inner})${sign}`),
    tie("any").map((inner) => `${inner}$`),
  ),
})).any;

test("it says what JavaScript says", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", "1", ".", "-"), maxLength: 8 });
  const same = fc.property(expression, fc.array(name, { maxLength: 10 }), (text, names) => {
    const theirs = new RegExp(`^(?:${text})`);
    for (const each of names) expect([text, each, matches(text, each)]).toEqual([text, each, theirs.test(each)]);
  });
  fc.assert(same, { numRuns: 3_000 });
});
