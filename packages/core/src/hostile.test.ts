import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick, hostile } from "../../../test/fakes/hostile.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { globMatcher } from "./fleet/glob.ts";
import { parseRamp, resolveRamp } from "./fleet/ramp.ts";
import { unfold } from "./fleet/ranges.ts";
import { select } from "./fleet/select.ts";
import { badLabel, isHostName, parseLabel } from "./labels.ts";
import { parseScan } from "./scan-json.ts";
import { redact, textOfBytes, visible } from "./text.ts";
import { patternMatcher } from "./users/patterns.ts";

const LONG = 60_000;
const PIECES = [
  "a",
  "=",
  ",",
  "1",
  ":",
  "[",
  "[0:9]",
  "*",
  "?",
  "\0",
  "\\",
  "é",
  "\ud800",
  "-",
  "web[01:50],",
  "!a,",
  "&a:",
];

test(
  "durations are read back as they are written, and anything else is refused in words",
  () => {
    fc.assert(
      fc.property(fc.nat(315_360_000), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
    fc.assert(
      fc.property(hostile("90s", "5m", "2h", "7d"), (text) => {
        const ms = orRefused(() => parseDuration(text), / is not a duration; write | is too long; the longest /);
        if (ms !== null) expect(text).toMatch(/^[0-9]{1,9}[smhd]$/);
      }),
    );
    expectQuick((text) => orRefused(() => parseDuration(text), /duration/), PIECES);
  },
  LONG,
);

test(
  "labels are read back as they are written; names of hosts are safe to show",
  () => {
    fc.assert(
      fc.property(hostile("env=prod", "a.b-c=x/y@z+1", "role=", "=x"), (text) => {
        const label = parseLabel(text);
        if (label.kind === "bad") return;
        expect(`${label.key}=${label.value}`).toBe(text);
        expect(badLabel(label.key, label.value)).toBeNull();
        expect(visible(text)).toBe(text);
      }),
    );
    fc.assert(
      fc.property(hostile("web01", "web01.example.net", "all"), (text) => {
        if (isHostName(text)) expect(text).toMatch(/^[\w.-]{1,253}$/);
      }),
    );
    expectQuick(parseLabel, PIECES);
    expectQuick(isHostName, PIECES);
  },
  LONG,
);

test(
  "ramps mean at least one host a step",
  () => {
    fc.assert(
      fc.property(
        hostile("1,25%", "1", "10%,100%", " 5 , 7 "),
        fc.integer({ min: 1, max: 1_000_000 }),
        (text, hosts) => {
          const parsed = parseRamp(text);
          if (parsed.kind === "ramp")
            for (const size of resolveRamp(parsed.ramp, hosts)) expect(size).toBeGreaterThan(0);
        },
      ),
    );
    expectQuick(parseRamp, [...PIECES, "1,", "1%,"]);
  },
  LONG,
);

test(
  "ranges and patterns of hosts",
  () => {
    const fleet = ["web01", "web02", "db1"].map((name) => ({ name, labels: { env: "prod" }, groups: ["g"] }));
    const samples = ["web[01:50],db1", "g:&env=prod:!web01", "web*,~x", "g[0:1]", "a[0:9][a:f][1:9:2]"] as const;
    fc.assert(
      fc.property(hostile(...samples), (text) => {
        const unfolded = unfold(text);
        if (unfolded.kind === "names") expect(new Set(unfolded.names).size).toBe(unfolded.names.length);
        const selection = select(text, fleet);
        if (selection.kind === "selected") for (const host of selection.hosts) expect(fleet).toContain(host);
      }),
    );
    expectQuick((text) => unfold(text), PIECES);
    // A range stands for many names by design: its work is bounded by its own limit, not by the length of the text.
    const plain = PIECES.filter((piece) => !piece.includes(":50]"));
    expectQuick((text) => select(text, fleet), plain);
  },
  LONG,
);

test(
  "text of a host: nothing invisible is left, UTF-8 comes back, a command stays short",
  () => {
    fc.assert(
      fc.property(hostile("a\x1b[2Jb", "a\u202eb", "Müller"), (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(visible(visible(text))).toBe(visible(text));
        expect(redact([text, text]).length).toBeLessThanOrEqual(1027);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(textOfBytes(Buffer.from(text).toString("latin1"))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(textOfBytes(Buffer.from(bytes).toString("latin1")).isWellFormed()).toBe(true);
      }),
    );
    expectQuick(visible, [...PIECES, "\n"]);
    expectQuick(textOfBytes, ["a", "\xe2\x82", "\xff", "\xf0\x9f\x98\x80", "\xc0"]);
    const secrets = [
      "-pass",
      "pass=",
      "a://",
      "a:a@",
      "eyJ",
      "eyJa.",
      "-----BEGIN",
      "Aa1",
      " -token ",
      "AKIA",
      "a.",
      "=",
    ];
    expectQuick((text) => redact([text]), secrets);
    expectQuick((text) => redact(text.split(" ")), [...secrets, " ", "--password ", `${"a".repeat(4000)}1 `]);
  },
  LONG,
);

test(
  "patterns of paths match what they are",
  () => {
    fc.assert(
      fc.property(
        hostile("/usr/lib/x.so", "*/libc.so*", "x?", "[a-z]"),
        hostile("/lib/x.so (deleted)"),
        (typed, path) => {
          patternMatcher([{ typed, targets: [] }], new Set(["/lib"]))(path);
          const pattern = { typed: path, targets: [] };
          if (!path.includes("\\012")) expect(patternMatcher([pattern], new Set())(path)).toContain(pattern);
          globMatcher(typed)(path);
        },
      ),
    );
    const match = patternMatcher([{ typed: "*a*b*", targets: [] }], new Set(["/lib"]));
    expectQuick(match, ["a", "ab", "/", "/lib/", "\\012", " (deleted)"]);
  },
  LONG,
);

const SCAN = {
  schema: "afterpatch.scan/v1",
  host: { id: null, name: "h", bootId: "b", os: "o", kernel: { running: "k", expected: null, verdict: "unknown" } },
  startedAt: 1,
  elapsedMs: 2,
  processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
  findings: [
    {
      id: "a1",
      verdict: "replaced",
      kind: "service",
      process: { pid: 1, startTicks: 2, startedAt: 3, user: "root", executable: "/x", command: "x" },
      owner: { kind: "service", manager: "systemd", name: "x.service" },
      files: [],
      remedy: { kind: "restart-service", target: "x.service", automatic: true, reason: "r" },
    },
  ],
  unreadable: [{ pid: 1, why: "w" }],
  notes: ["n"],
  reboot: { required: null, reasons: [] },
};
const REFUSED = /^[\w.[\]]+: (?:expected |more than |longer than )/;

test(
  "a scan with any value anywhere is taken and stays as it is, or the field is named",
  () => {
    const places = JSON.stringify(SCAN).match(/(?<=:)(?:"[^"]*"|\d+|null|true|\{|\[)/g)?.length ?? 0;
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, -0, 1e300, "\x1b", "__proto__", [[]], { length: 1 }));
    fc.assert(
      fc.property(fc.nat(places - 1), value, (at, other) => {
        let seen = 0;
        const changed: unknown = JSON.parse(JSON.stringify(SCAN), (key, old: unknown) =>
          key !== "" && seen++ === at ? other : old,
        );
        const scan = orRefused(() => parseScan(changed), REFUSED);
        if (scan) expect(parseScan(JSON.parse(JSON.stringify(scan)))).toEqual(scan);
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        orRefused(() => parseScan(json), REFUSED);
      }),
    );
    expectQuick(
      (name) => orRefused(() => parseScan({ ...SCAN, notes: name.split(" ") }), REFUSED),
      ["a", " ", "\0", "a "],
    );
  },
  LONG,
);

/** Null where it threw an error for people; any other error is thrown on. */
function orRefused<T>(parse: () => T, why: RegExp): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && why.test(error.message)) return null;
    throw error;
  }
}
