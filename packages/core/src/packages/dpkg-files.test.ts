import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalPath, listedAs, listedPaths, ownersAt, parseDiversions, wantedPaths } from "./dpkg-lists.ts";
import { ownerOfList, parseDpkgStatus } from "./dpkg-status.ts";

const STATUS = `Package: libssl3
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: openssl
Version: 3.0.17-1~deb12u2
Description: Secure Sockets Layer toolkit
 Package: not-a-field
 Version: 9

Package: libssl3
Status: install ok unpacked
Architecture: i386
Multi-Arch: same
Version: 3.0.17-1~deb12u3
Config-Version: 3.0.17-1~deb12u2

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: broken
Status: install reinstreq half-installed
Architecture: all
Version: 2.0

Package: odd
Status: install ok installed
Architecture: amd64
Version: 1.0 \u001b[2J

Package: last
Status: install ok triggers-pending
Version: 1:4-1
Architecture: all`;

const all = new Set(["libssl3", "gone", "broken", "odd", "last", "not-a-field", "absent"]);

test("the fields of installed packages", () => {
  expect(parseDpkgStatus(STATUS, all)).toEqual([
    { name: "libssl3", architecture: "amd64", version: "3.0.17-1~deb12u2" },
    { name: "libssl3", architecture: "i386", version: "3.0.17-1~deb12u3" },
    { name: "broken", architecture: "all", version: null },
    { name: "odd", architecture: "amd64", version: null },
    { name: "last", architecture: "all", version: "1:4-1" },
  ]);
});

test("only packages that were asked for", () => {
  expect(parseDpkgStatus(STATUS, new Set(["last"]))).toMatchObject([{ name: "last" }]);
  expect(parseDpkgStatus(STATUS, new Set())).toEqual([]);
});

test("a stanza that is cut off is no package", () => {
  for (const text of ["Package: last", "Package: last\nStatus: install ok", "Package: last\nVersion: 1"]) {
    expect(parseDpkgStatus(text, all)).toEqual([]);
  }
});

test("a later entry counts, also when it says that nothing is left", () => {
  const removed = "\n\nPackage: last\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1:4-1\n";
  expect(parseDpkgStatus(STATUS + removed, new Set(["last"]))).toEqual([]);
});

test.each([
  ["libc6:amd64.list", { name: "libc6", architecture: "amd64" }],
  ["base-files.list", { name: "base-files", architecture: null }],
  ["g++-12.list", { name: "g++-12", architecture: null }],
  ["libc6:amd64.md5sums", null],
  ["format", null],
  [".list", null],
  ["a:b:c.list", null],
  ["libc6:.list", null],
])("owner of info/%s", (file, expected) => expect(ownerOfList(file)).toEqual(expected));

const MERGED = new Set(["/lib", "/lib64", "/bin", "/sbin"]);

describe("paths of a merged /usr", () => {
  const libc = "/usr/lib/x86_64-linux-gnu/libc.so.6";
  test.each([
    ["the old spelling in the list", "/lib/x86_64-linux-gnu/libc.so.6", MERGED, [libc]],
    ["the new one", libc, MERGED, [libc]],
    ["the old one where nothing is merged", "/lib/x86_64-linux-gnu/libc.so.6", new Set<string>(), []],
    ["another file", "/lib/x86_64-linux-gnu/libc.so.60", MERGED, []],
    ["the end of another path", `/opt${libc}`, MERGED, []],
  ])("%s", (_name, line, merged, expected) => {
    for (const list of [`/.\n/usr\n${line}\n`, line, `${line}\n/usr/share/x`]) {
      expect(listedPaths(list, wantedPaths([libc], merged))).toEqual(expected);
    }
  });
  test("are spelt with /usr", () => {
    expect(canonicalPath("/lib/x", MERGED)).toBe("/usr/lib/x");
    expect(canonicalPath("/lib32/x", MERGED)).toBe("/lib32/x");
    expect(canonicalPath("/opt/lib/x", MERGED)).toBe("/opt/lib/x");
    expect(canonicalPath("/lib", MERGED)).toBe("/lib");
  });
});

test("the search finds just the lines that are wanted", () => {
  const path = fc
    .string({ unit: fc.constantFrom("/", "a", "b", "é", " ", "\t"), maxLength: 6 })
    .map((text) => `/${text}`);
  fc.assert(
    fc.property(fc.array(path), fc.array(path), (lines, wanted) => {
      const found = listedPaths(lines.map((line) => `${line}\n`).join(""), wantedPaths(wanted, new Set()));
      expect(found.toSorted()).toEqual([...new Set(lines)].filter((line) => wanted.includes(line)).toSorted());
    }),
  );
});

describe("diversions", () => {
  const text = `/usr/bin/perf
/usr/bin/perf.wrapper
linux-perf
/bin/sh
/bin/sh.distrib
:
`;
  const diversions = parseDiversions(text, MERGED);
  const [perf, wrapper, dash] = [{ name: "linux-perf" }, { name: "perf-tools" }, { name: "dash" }];
  test.each([
    ["what diverted it owns the path", "/usr/bin/perf", "/usr/bin/perf", [perf, wrapper], [perf]],
    [
      "the others own the file where it was diverted to",
      "/usr/bin/perf.wrapper",
      "/usr/bin/perf",
      [perf, wrapper],
      [wrapper],
    ],
    ["what the administrator put there is nobody's", "/usr/bin/sh", "/usr/bin/sh", [dash], []],
    ["what it replaced is its package's", "/usr/bin/sh.distrib", "/usr/bin/sh", [dash], [dash]],
    ["another path", "/usr/bin/x", "/usr/bin/x", [dash], [dash]],
  ])("%s", (_name, path, listed, listing, expected) => {
    expect(listedAs(path, diversions)).toBe(listed);
    expect(ownersAt(path, listing, diversions)).toEqual(expected);
  });
  test("nothing is taken from a file that is cut off", () => {
    expect(parseDiversions("/a\n/b\n", MERGED)).toEqual([]);
    expect(parseDiversions("/a\n/b\n:\nc\n/d\n:\n", MERGED)).toHaveLength(1);
  });
});

test("no text breaks a parser, and no name or version gets through that dpkg would not write", () => {
  const text = fc.string({
    unit: fc.constantFrom(
      "Package:",
      "Version: ",
      "Status: a b installed",
      "Architecture: all",
      "\n",
      "\n\n",
      " ",
      "x",
      "1",
      "\u0000",
      "\u001b",
      ":",
    ),
    maxLength: 40,
  });
  fc.assert(
    fc.property(text, (status) => {
      for (const { name, version } of parseDpkgStatus(status, new Set(["x", "xx", "1", "x1", "\u001b"]))) {
        expect(name).toMatch(/^[x1]+$/);
        expect(version ?? "1").toMatch(/^[\w.+~:-]+$/);
      }
      parseDiversions(status, MERGED);
      ownerOfList(`${status}.list`);
    }),
  );
});
