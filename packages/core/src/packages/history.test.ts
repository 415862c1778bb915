import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDnfLog, splitNevra } from "./dnf-log.ts";
import { firstInstant, parseDpkgLog } from "./dpkg-log.ts";
import { earlierVersions, type History, onlyOne } from "./history.ts";

const instant = (text: string) => Date.parse(`${text.replace(" ", "T")}Z`);
const at = (time: string) => instant(`2026-11-22 ${time}`);
const SSL = new Set(["libssl3"]);

function upgrade(time: string, end: string, from: string, to: string, architecture = "amd64"): string {
  const name = `libssl3:${architecture}`;
  return `2026-11-22 ${time} upgrade ${name} ${from} ${to}
2026-11-22 ${time} status triggers-pending libc-bin:amd64 2.36-9
2026-11-22 ${time} status half-configured ${name} ${from}
2026-11-22 ${time} status unpacked ${name} ${from}
2026-11-22 ${time} status half-installed ${name} ${from}
2026-11-22 ${end} status unpacked ${name} ${to}
2026-11-22 ${end} configure ${name} ${to} <none>
2026-11-22 ${end} status unpacked ${name} ${to}
2026-11-22 ${end} status half-configured ${name} ${to}
2026-11-22 ${end} status installed ${name} ${to}
`;
}

function history(...texts: readonly string[]): History {
  const text = texts.join("");
  return { completeSince: firstInstant(text, instant) ?? Infinity, changes: parseDpkgLog(text, SSL, instant) };
}

const START = "2026-11-22 00:00:00 startup archives unpack\n";
const one = upgrade("10:00:00", "10:00:04", "1-1", "1-2");
const two = upgrade("12:00:00", "12:00:01", "1-2", "1-3");
const of = (installed: string | null) => ({ name: "libssl3", architecture: "amd64", installed });

test("a change of dpkg's log ends when the new files are in place", () => {
  expect(parseDpkgLog(one, SSL, instant)).toEqual([
    {
      name: "libssl3",
      architecture: "amd64",
      startedAt: at("10:00:00"),
      endedAt: at("10:00:05"),
      from: "1-1",
      to: "1-2",
    },
  ]);
  expect(parseDpkgLog(one, new Set(["libc-bin"]), instant)).toEqual([]);
});

describe("the version in memory, where 1-3 is installed", () => {
  test.each([
    ["from before everything", [START, one, two], "1-3", "09:00:00", null],
    ["between both upgrades", [START, one, two], "1-3", "11:00:00", "1-2"],
    ["just when the first had ended", [START, one, two], "1-3", "10:00:05", "1-2"],
    ["while the first ran: either", [START, one, two], "1-3", "10:00:03", null],
    ["after the last: none of them", [START, one, two], "1-3", "13:00:00", null],
    ["one upgrade, started before", [START, one], "1-2", "09:00:00", "1-1"],
    ["the log begins after the process", [one], "1-2", "09:59:59", null],
    ["the log ends at another version than the installed one", [START, one], "1-9", "09:00:00", null],
    [
      "an upgrade in between is missing",
      [START, one, upgrade("14:00:00", "14:00:00", "1-4", "1-5")],
      "1-5",
      "11:00:00",
      null,
    ],
    ["an upgrade that was not finished", [START, one.split("\n").slice(0, 5).join("\n")], "1-2", "09:00:00", null],
    [
      "an upgrade that was taken back",
      [
        START,
        `2026-11-22 08:00:00 upgrade libssl3:amd64 1-1 1-9
2026-11-22 08:00:00 status half-installed libssl3:amd64 1-1
2026-11-22 08:00:01 status installed libssl3:amd64 1-1
`,
        one,
      ],
      "1-2",
      "07:00:00",
      "1-1",
    ],
    [
      "the same version once more",
      [START, upgrade("08:00:00", "08:00:00", "1-1", "1-1"), one],
      "1-2",
      "07:00:00",
      "1-1",
    ],
    [
      "another architecture was upgraded as well",
      [START, one, upgrade("10:00:06", "10:00:07", "1-1", "1-2", "i386")],
      "1-2",
      "09:00:00",
      "1-1",
    ],
    [
      "removed and installed again",
      [
        START,
        `2026-11-22 08:00:00 remove libssl3:amd64 1-1 <none>
2026-11-22 08:00:01 status half-installed libssl3:amd64 1-1
2026-11-22 08:00:01 status config-files libssl3:amd64 1-1
2026-11-22 09:00:00 install libssl3:amd64 1-1 1-2
2026-11-22 09:00:01 status half-installed libssl3:amd64 1-2
2026-11-22 09:00:01 status unpacked libssl3:amd64 1-2
`,
      ],
      "1-2",
      "07:00:00",
      "1-1",
    ],
    [
      "code of the very second in which the log begins: a line of that second may be missing",
      [START, upgrade("12:00:00", "12:00:00", "1-1", "1-2")],
      "1-2",
      "00:00:00",
      null,
    ],
    [
      "there and back: the version that is installed is none of an earlier one",
      [START, one, upgrade("12:00:00", "12:00:00", "1-2", "1-1")],
      "1-1",
      "09:00:00",
      "1-2",
    ],
  ])("%s", (_name, texts, installed, since, expected) => {
    expect(onlyOne(earlierVersions(history(...texts), of(installed), at(since)))).toBe(expected);
  });
});

test("a time that cannot be read proves nothing", () => {
  const { changes } = history(START, one, two);
  expect(earlierVersions({ completeSince: Number.NaN, changes }, of("1-3"), at("11:00:00"))).toBeNull();
  const odd = changes.map((change) => ({ ...change, endedAt: Number.NaN }));
  expect(onlyOne(earlierVersions({ completeSince: 0, changes: odd }, of("1-3"), at("11:00:00")))).toBeNull();
});

test("what is reported was really installed after that instant, and is not what is installed now", () => {
  // A made-up life of a package: upgrades at random times; the truth is known.
  const life = fc.array(fc.tuple(fc.integer({ min: 1, max: 86_000 }), fc.constantFrom("1-1", "1-2", "1-3", "1-4")), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(life, fc.integer({ min: 1, max: 86_399 }), (changes, since) => {
      const times = changes.map(([second]) => second).toSorted((a, b) => a - b);
      let text = START;
      let version = "1-0";
      const periods = [{ version, until: Infinity }];
      for (const [index, [, to]] of changes.entries()) {
        if (to === version) continue;
        const second = times[index] ?? 0;
        const clock = new Date(second * 1000).toISOString().slice(11, 19);
        text += upgrade(clock, clock, version, to);
        const last = periods.at(-1);
        if (last) last.until = second + 1;
        periods.push({ version: to, until: Infinity });
        version = to;
      }
      const possible = new Set(periods.filter(({ until }) => until > since).map((period) => period.version));
      possible.delete(version);
      const told = onlyOne(earlierVersions(history(text), of(version), at("00:00:00") + since * 1000));
      expect(told).toBe(possible.size === 1 && periods.length > 1 ? [...possible][0] : null);
    }),
  );
});

const DNF = `2026-11-22T09:00:00+0100 INFO --- logging initialized ---
2026-11-22T09:00:01+0100 SUBDEBUG Installed: bash-5.1.8-9.el9.x86_64
2026-11-22T11:00:00+0100 SUBDEBUG Upgrade: openssl-libs-1:3.0.7-25.el9.x86_64
2026-11-22T11:00:02+0100 SUBDEBUG Upgraded: openssl-libs-1:3.0.7-24.el9.x86_64
2026-11-22T12:00:00+0100 SUBDEBUG Erase: zlib-1.2.11-40.el9.x86_64
2026-11-22T13:00:00+0100 SUBDEBUG Upgrade: curl-7.76.1-31.el9.x86_64
`;

test("changes of dnf's log", () => {
  const changes = parseDnfLog(DNF, new Set(["openssl-libs", "zlib", "bash", "curl"]), Date.parse);
  expect(changes).toMatchObject([
    { name: "bash", from: null, to: "5.1.8-9.el9" },
    { name: "openssl-libs", from: "1:3.0.7-24.el9", to: "1:3.0.7-25.el9" },
    { name: "zlib", from: "1.2.11-40.el9", to: null },
    { name: "curl", from: null, to: null, endedAt: Infinity },
  ]);
  const openssl = { name: "openssl-libs", architecture: "x86_64", installed: "1:3.0.7-25.el9" };
  expect(onlyOne(earlierVersions({ completeSince: 0, changes }, openssl, 1))).toBe("1:3.0.7-24.el9");
});

test.each([
  ["bash-5.1.8-9.el9.x86_64", { name: "bash", version: "5.1.8-9.el9", architecture: "x86_64" }],
  [
    "java-17-openjdk-1:17.0.9-1.el9.noarch",
    { name: "java-17-openjdk", version: "1:17.0.9-1.el9", architecture: "noarch" },
  ],
  ["x-0:1-1.noarch", { name: "x", version: "1-1", architecture: "noarch" }],
  ["gpg-pubkey", null],
  ["", null],
])("name, version and architecture of %s", (nevra, expected) => expect(splitNevra(nevra)).toEqual(expected));

test("no text breaks a log parser", () => {
  const pieces = fc.constantFrom(...`${one}${DNF}`.split(/(?=[ \n])/), "\u0000", "x".repeat(2000));
  fc.assert(
    fc.property(fc.string({ unit: pieces, maxLength: 60 }), (text) => {
      for (const { name } of parseDpkgLog(text, SSL, instant)) expect(name).toBe("libssl3");
      parseDnfLog(text, new Set(["bash"]), Date.parse);
      firstInstant(text, instant);
    }),
  );
});
