import fc from "fast-check";
import { expect, test } from "vitest";
import { globMatcher } from "./glob.ts";

test.each([
  ["*", "", true],
  ["*", "web01", true],
  ["web*", "web", true],
  ["web*", "aweb", false],
  ["*web", "webweb", true],
  ["w*b*1", "web01", true],
  ["w?b", "web", true],
  ["w?b", "wb", false],
  ["[a-c]1", "b1", true],
  ["[!a-c]1", "b1", false],
  ["[]]", "]", true],
  ["[!]]", "]", false],
  ["[a-]", "-", true],
  ["web[", "web[", true],
  ["web[ab", "web[ab", true],
  ["a**b", "ab", true],
  ["*a*b*c*", "xxaxxbxxc", true],
  ["*abab*c", "abaabac", false],
])("%s on %s: %s", (glob, name, expected) => expect(globMatcher(glob)(name)).toBe(expected));

test("without special characters a glob is equality, with stars it contains its pieces in order", () => {
  const piece = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4 });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), piece, (pieces, filler) => {
      expect(globMatcher(pieces.join("*"))(pieces.join(filler))).toBe(true);
      expect(globMatcher(pieces.join(""))(`${pieces.join("")}x`)).toBe(false);
    }),
  );
});

test("hostile globs cost no more than the product of the lengths", () => {
  const count = (glob: string, name: string) => {
    let steps = 0;
    // Counts every character that the matcher looks at.
    const charAt = (at: number) => {
      steps++;
      return name.charAt(at);
    };
    const counted = { length: name.length, charAt };
    globMatcher(glob)(counted as unknown as string); // stands in for text: the matcher uses only these two members
    return steps;
  };
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("*", "*", "a", "?", "[ab]"), { maxLength: 200 }),
      fc.nat({ max: 200 }),
      (glob, length) => {
        expect(count(`${glob.join("")}b`, "a".repeat(length))).toBeLessThanOrEqual((glob.length + 2) * (length + 1));
      },
    ),
  );
});
