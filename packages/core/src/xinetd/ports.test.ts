import fc from "fast-check";
import { expect, test } from "vitest";
import { portNumber, portsOf } from "./ports.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,3}$/);
const blanks = fc.constantFrom(" ", "\t", "  \t ");

/** Lines as services(5) has them, and what they mean: few names, so that many are given twice. */
const line = fc.record({
  name: word,
  port: fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constantFrom(0, 1, 65_535, 65_536, 99_999)),
  protocol: fc.constantFrom("tcp", "udp"),
  aliases: fc.array(word, { maxLength: 3 }),
  comment: fc.constantFrom("", "#", "# mail 25/tcp", " #x #y"),
  before: fc.constantFrom("", " ", "\t"),
  between: blanks,
});

test("the first line of a name counts, aliases are names, comments and ports beyond 65535 are nothing", () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const text = lines.map(
        ({ name, port, protocol, aliases, comment, before, between }) =>
          `${before}${[name, `${port}/${protocol}`, ...aliases].join(between)}${comment}`,
      );
      const expected = new Map<string, number>();
      for (const { name, port, protocol, aliases } of lines.toReversed())
        if (port < 65_536)
          for (const each of [...aliases.toReversed(), name]) expected.set(`${each}/${protocol}`, port);
      expect(new Map(portsOf(text.join("\n")))).toEqual(expected);
    }),
  );
});

test.each([
  ["0", 0],
  ["143", 143],
  ["00143", 143],
  ["65535", 65_535],
  ["65536", null],
  ["", null],
  ["-1", null],
  ["1.5", null],
  ["0x10", null],
  ["1e3", null],
  [" 1", null],
  ["000001", null],
  [undefined, null],
])("a port written %j", (text, expected) => expect(portNumber(text)).toBe(expected));
