import fc from "fast-check";
import { expect } from "vitest";

/** What an attacker, or a disk that fails, makes of a real text: cut, repeated, or with something else in the middle. */
export function damaged(...samples: readonly [string, ...string[]]): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(40),
    instead: fc.oneof(
      fc.constantFrom("", " ", "\n", "\n\n", "\0", "\x1b[2J", "%", ":", "=", "-1", "9".repeat(400), "\\012"),
      fc.string({ unit: "binary", maxLength: 20 }),
    ),
    twice: fc.boolean(),
  });
  return fc.tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 6 })).map(([sample, edits]) =>
    edits.reduce((text, { at, length, instead, twice }) => {
      const start = Math.floor(at * text.length);
      const piece = text.slice(start, start + length);
      return text.slice(0, start) + instead + (twice ? piece + piece : "") + text.slice(start + length);
    }, sample),
  );
}

/** Any text, and damaged real ones. */
export function hostile(...samples: readonly [string, ...string[]]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 2, arbitrary: damaged(...samples) }, fc.string({ unit: "binary", maxLength: 200 }));
}

/**
 * 1 MB of each piece takes less than 2 s of processor time: what takes a few milliseconds when the work grows with the
 * length, and minutes when it grows with its square.
 */
export function expectQuick(parse: (text: string) => unknown, pieces: readonly string[]): void {
  for (const piece of pieces) {
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
    for (const input of [text, `${"a".repeat(500_000)} ${text.slice(0, 500_000)}`]) {
      const before = process.cpuUsage();
      parse(input);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000, `ms for 1 MB of ${JSON.stringify(piece.slice(0, 60))}`).toBeLessThan(2000);
    }
  }
}
