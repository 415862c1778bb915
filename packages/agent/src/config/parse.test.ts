import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { DEFAULT_POLICY } from "@afterpatch/core/policy/defaults";
import { mistakeLine } from "@afterpatch/config/mistake";
import { ConfigError } from "./error.ts";
import { parseConfig } from "./parse.ts";

/** `LINE: KEY: WHAT` of each mistake. */
function mistakes(text: string): readonly string[] {
  try {
    parseConfig(text, "f");
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map((mistake) => mistakeLine("f", mistake).replace(/^f:/, ""));
  }
}

test.each([
  ["nothing", ""],
  ["comments alone", "# units:\n#   protected: [x]\n"],
  ["an empty document", "---\n"],
  ["empty sections", "units: {}\ncaps: {}\nhooks: { beforeApply: [] }\n"],
])("a file of %s forbids nothing", (_name, text) => expect(parseConfig(text, "f")).toEqual(DEFAULT_POLICY));

test("a file is understood", () => {
  const text = `
units: { protected: ["*.db", nginx] }
caps: { restartsPerRun: 0 }
windows: [{ start: 22:00, duration: 90m }]
applications:
  - { name: a, match: { user: bob }, start: none }
  - name: b
    match: { executable: /opt/b }
    stop: { command: [/bin/stop] }
    start: { command: [/bin/b, "1"], environment: { __proto__: x, A: "" } }
checks: [{ name: c, command: [/bin/c], timeout: 5s, user: nobody }]
report: soon
grace: 0s
`;
  expect(mistakes(text)).toEqual([
    "12: report: 'soon' is not a duration; write a whole number and s, m, h or d, like 90s or 5m",
  ]);
  const policy = parseConfig(text.replace("soon", "17 */4 * * mon-fri"), "f");
  expect(policy).toMatchObject({
    units: { protected: ["*.db", "nginx"], ask: [] },
    caps: { ...DEFAULT_POLICY.caps, restartsPerRun: 0 },
    windows: [{ startMinute: 1320, durationMs: 5_400_000, tz: "UTC" }],
    checks: [{ name: "c", command: ["/bin/c"], timeoutMs: 5000, user: "nobody" }],
    report: { kind: "cron", cron: "17 */4 * * mon-fri" },
    graceMs: 0,
  });
  expect(policy.windows[0]?.days).toHaveLength(7);
  expect(policy.applications).toEqual([
    {
      name: "a",
      match: { container: null, executable: null, user: "bob", unit: null },
      stop: { kind: "signal", signal: "TERM", graceMs: 10_000 },
      start: { kind: "none" },
    },
    {
      name: "b",
      match: { container: null, executable: "/opt/b", user: null, unit: null },
      stop: { kind: "command", command: ["/bin/stop"], timeoutMs: 60_000, user: null },
      start: {
        kind: "command",
        command: ["/bin/b", "1"],
        user: null,
        directory: "/",
        environment: Object.fromEntries([
          ["__proto__", "x"],
          ["A", ""],
        ]),
      },
    },
  ]);
});

describe("a mistake is told with its line and key", () => {
  test.each<[string, string, readonly string[]]>([
    ["an unknown key", "\nunits:\n  protcted: []\n", ["3: units.protcted: unknown key; did you mean protected?"]],
    ["a key of another product", "excludes: []", [/unknown key; known here: verbs, units/.source]],
    ["a duplicate key", "grace: 1s\nsettle: 1s\ngrace: 2s\n", ["3: grace: duplicate key, first in line 1"]],
    ["a duplicate key further in", "units:\n  ask: []\n  ask: [x]\n", ["3: units.ask: duplicate key, first in line 2"]],
    ["a number for text", "units:\n  ask:\n  - a\n  - 5\n", ["4: units.ask[1]: has to be text, and is the number 5"]],
    ["text for a list", "verbs: reexec", ['1: verbs: has to be a list, and is "reexec"']],
    ["a section with nothing in it", "units:\ngrace: 1s", ["1: units: has to be a mapping, and is empty"]],
    ["yes for true", "vetoes: { inhibitors: yes }", ['1: vetoes.inhibitors: has to be true or false, and is "yes"']],
    ["a verb that is none", "verbs: [none]", [/verbs\[0\]: has to be end-session, .*, and is "none"/.source]],
    ["too many reboots", "caps: { reboots: 25 }", ["1: caps.reboots: has to be 24 at most, and is the number 25"]],
    ["half a reboot", "caps: { reboots: 0.5 }", ["1: caps.reboots: has to be a whole number, and is the number 0.5"]],
    ["a long grace", "grace: 2h", ["1: grace: 2h is not between 0s and 1h"]],
    ["a duration without its unit", "grace: 10", ["1: grace: has to be text, and is the number 10"]],
    ["a path that is none", "denyFile: deny", ['1: denyFile: has to be an absolute path, and is "deny"']],
    ["no windows", "windows: []", ["1: windows: is empty; leave the key out, or give it a value"]],
    ["a window without a start", "windows:\n- duration: 1h", ["2: windows[0].start: is missing"]],
    ["a time that is none", 'windows: [{ start: "24:00", duration: 1h }]', [/start: has to be a time of day/.source]],
    [
      "a zone that is none",
      'windows: [{ start: "22:00", duration: 1h, tz: Paris }]',
      [/tz: Paris is not a time zone/.source],
    ],
    ["a glob that is none", 'units: { ask: ["a[b"] }', [/ask\[0\]: a\[b has a \[ that no \] closes/.source]],
    [
      "a relative program",
      "checks: [{ name: a, command: [true.sh] }]",
      [/command\[0\]: true.sh is not an absolute path/.source],
    ],
    [
      "a shell's line",
      "checks: [{ name: a, command: /bin/a b }]",
      [/command: has to be a list, and is "\/bin\/a b"/.source],
    ],
    ["one name twice", "hooks: { afterStep: [&a { name: a, command: [/a] }] }", [/anchors are not read/.source]],
    [
      "one name for a hook and a check",
      "hooks: { afterStep: [{ name: a, command: [/a] }] }\nchecks:\n- name: a\n  command: [/a]",
      ["3: checks[0].name: a is the name of a hook or check already"],
    ],
    ["no match", "applications: [{ name: a, match: {}, start: none }]", [/match: is empty/.source]],
    [
      "a start that is none",
      "applications: [{ name: a, match: { user: b }, start: no }]",
      [/start: has to be none, and is "no"/.source],
    ],
    [
      "signal and command",
      "applications:\n- name: a\n  match: { user: b }\n  stop:\n    signal: TERM\n    command: [/a]\n  start: none",
      ["5: applications[0].stop.signal: does not go with command; give one or the other"],
    ],
    ["a nickname that is none", 'report: "@noon"', [/report: @noon is neither/.source]],
    ["a cron expression that is none", 'report: "61 * * * *"', [/report: 61 \* \* \* \* is neither/.source]],
    ["a cron expression that never comes true", 'report: "0 0 30 2 *"', [/report: .* is neither/.source]],
    [
      "a glob without quotes",
      "units:\n  protected: [*.db]",
      ["2: units.protected[0]: aliases are not read; a value that begins with * needs quotes"],
    ],
    ["an alias", "grace: &g 1s\nsettle: *g", [/anchors/.source, /aliases/.source]],
    ["a merge key", "units: { <<: { ask: [] } }", ["1: units.<<: unknown key; nothing is merged here, write it out"]],
    ["a tag", "grace: !!binary aGk=", [/1: /.source]],
    ["a known tag", "grace: !!str 1s", [/grace: the tag tag:yaml.org,2002:str is not read/.source]],
    ["a tab", "units:\n\tprotected: []", ["2: a tab indents nothing in YAML; use blanks"]],
    ["two documents", "grace: 1s\n---\ngrace: 2s", ["2: a second document begins here, and only one is read"]],
    ["a directive", "%YAML 1.1\n---\ngrace: 1s", ["1: directives are not read; leave the line out"]],
    ["a list", "- grace", ["1: has to be a mapping, and is a list"]],
    ["words", "hello", ['1: has to be a mapping, and is "hello"']],
    ["a quote that is not closed", 'grace: 1s\nreport: "30m\n', [/^3: Missing closing/.source]],
    ["a NUL in an argument", 'checks: [{ name: a, command: [/a, "b\\0"] }]', [/a word without NUL/.source]],
    [
      "a control character",
      'units: { ask: ["a\\e[0m"] }',
      [/without control characters, and is "a\\u001b\[0m"/.source],
    ],
  ])("%s", (_name, text, expected) => {
    const found = mistakes(text);
    expect(found).toHaveLength(expected.length);
    for (const [index, one] of expected.entries()) {
      const line = found[index] ?? "";
      expect(line === one || new RegExp(one).test(line), `${line} is not ${one}`).toBe(true);
    }
  });

  test("all of them at once, by line", () => {
    expect(mistakes("grace: 5\nunits: { x: 1 }\nverbs: [a]\nsettle: 6\n").map((line) => line.split(":")[0])).toEqual([
      "1",
      "2",
      "3",
      "4",
    ]);
  });

  test("a hundred at most", () => {
    const told = mistakes(Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join("\n"));
    expect(told).toHaveLength(101);
    expect(told.at(-1)).toMatch(/and \d+ more mistakes/);
  });
});

/** Texts that look like the file, and texts that look like YAML. */
const words = fc.constantFrom(
  ...["units", "protected", "windows", "start", "hooks", "report", "grace", "command", "name", "checks", "stop", "<<"],
  ...[
    ": ",
    ":\n",
    "\n",
    "\n  ",
    "\n- ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    '"',
    "'",
    "|\n",
    ">\n",
    "&a ",
    "*a",
    "!!str ",
    "? ",
    "\t",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "#",
  ],
  ...["1s", "22:00", "/bin/x", "null", "true", "5", "-.inf", "0x1F", "~", "\0", "\r\n", "\u2028", "\ud800", "é"],
);
const like = fc.array(words, { maxLength: 60 }).map((parts) => parts.join(""));

test("any text is a policy or mistakes with places in it, in bounded time", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        like,
        fc.string({ unit: "binary", maxLength: 300 }),
        fc.json().map((text) => text),
      ),
      (text) => {
        const lines = text.split(/\r\n|\r|\n/).length;
        try {
          expect(Object.keys(parseConfig(text, "f"))).toEqual(Object.keys(DEFAULT_POLICY));
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          for (const { line, what } of error.mistakes) {
            expect(what).not.toBe("");
            expect(line === null || (line >= 1 && line <= lines + 1)).toBe(true);
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
}, 60_000);

const MOST = 256 * 1024;

test.each(["[", "&a ", "a:\n", "? [a]\n: b\n", "<<: *a\n"])(
  "as much of %j as a file may hold is told from a policy",
  (piece) => {
    const started = performance.now();
    try {
      parseConfig(piece.repeat(Math.floor(MOST / piece.length)), "f");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
    expect(performance.now() - started).toBeLessThan(30_000);
  },
  60_000,
);

test("a bomb of aliases is not expanded", () => {
  const bomb = [
    "a0: &a0 [x, x]",
    ...Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`),
  ].join("\n");
  expect(mistakes(bomb).length).toBeGreaterThan(40);
});
