import { describe, expect, test } from "vitest";
import { fixedBetween, fixedIn, hasFix, parseDebianChangelog, parseRpmChangelog } from "./changelog.ts";
import { compareCves, cveId, cvesIn } from "./id.ts";

const OPENSSL = `openssl (3.0.19-1~deb12u2) bookworm-security; urgency=medium

  * CVE-2026-28387 ("Potential use-after-free in DANE client code")
  * CVE-2026-31789 ("Heap buffer overflow in hexadecimal conversion")

 -- Sebastian Andrzej Siewior <sebastian@breakpoint.cc>  Fri, 03 Apr 2026 14:29:32 +0200

openssl (3.0.19-1~deb12u1) bookworm; urgency=medium

  * Import 3.0.19

 -- Sebastian Andrzej Siewior <sebastian@breakpoint.cc>  Sun, 22 Feb 2026 18:36:50 +0100

openssl (3.0.18-1~deb12u2) bookworm-security; urgency=medium

  * CVE-2025-15467 (Stack buffer overflow in CMS AuthEnvelopedData parsing)

 -- Sebastian Andrzej Siewior <sebastian@breakpoint.cc>  Sat, 24 Jan 2026 16:01:59 +0100

# Older entries have been removed from this changelog.
`;
const NEW = "3.0.19-1~deb12u2";

describe("a changelog of Debian", () => {
  const changelog = parseDebianChangelog(OPENSSL);

  test("has versions, newest first, and what each names", () => {
    expect(changelog.entries).toEqual([
      { version: NEW, cves: ["CVE-2026-28387", "CVE-2026-31789"] },
      { version: "3.0.19-1~deb12u1", cves: [] },
      { version: "3.0.18-1~deb12u2", cves: ["CVE-2025-15467"] },
    ]);
  });

  test.each<[string, string, string, readonly string[] | null]>([
    ["one version back", "3.0.19-1~deb12u1", NEW, ["CVE-2026-28387", "CVE-2026-31789"]],
    ["not what the old version itself fixed", "3.0.18-1~deb12u2", NEW, ["CVE-2026-28387", "CVE-2026-31789"]],
    ["a version between two entries", "3.0.18-1~deb12u3", NEW, ["CVE-2026-28387", "CVE-2026-31789"]],
    ["older than the oldest entry: it is cut", "3.0.18-1~deb12u1", NEW, null],
    ["of another version than the installed one", "3.0.18-1~deb12u2", "3.0.19-1~deb12u1", null],
    ["a rebuild of the same source", "3.0.19-1~deb12u1+b1", `${NEW}+b2`, ["CVE-2026-28387", "CVE-2026-31789"]],
    ["the same version", NEW, NEW, []],
    ["an older version than is in memory", "3.0.20-1", NEW, []],
  ])("%s", (_name, from, to, expected) => {
    expect(fixedBetween(changelog, from, to)).toEqual(expected);
  });

  test("an epoch in a package's version is in its changelog too", () => {
    const text =
      "x (1:2.0-1) unstable; urgency=low\n\n  * CVE-2026-0001\n\nx (3.0-1) unstable; urgency=low\n\n  * old\n";
    expect(fixedBetween(parseDebianChangelog(text), "1:1.0-1", "1:2.0-1")).toEqual(["CVE-2026-0001"]);
  });

  test("which version fixed it, and who has that", () => {
    expect(fixedIn(changelog, "CVE-2025-15467")).toBe("3.0.18-1~deb12u2");
    expect(fixedIn(changelog, "CVE-2025-1546")).toBeNull();
    expect(hasFix("dpkg", "3.0.18-1~deb12u2+b1", "3.0.18-1~deb12u2")).toBe(true);
    expect(hasFix("dpkg", "3.0.18-1~deb12u1", "3.0.18-1~deb12u2")).toBe(false);
  });

  test("a signed kernel is of the version that was signed", () => {
    const text = `linux-signed-amd64 (6.1.192+2) bookworm-security; urgency=high

  * Sign kernel from linux 6.1.192-2

  * io_uring: fix (CVE-2026-99228)

linux (6.1.192-1) bookworm-security; urgency=high

  * New upstream stable update:
    - io-wq: order (CVE-2026-99255)

linux (6.1.190-1) bookworm-security; urgency=high

  * net: fix (CVE-2026-11111)
`;
    expect(fixedBetween(parseDebianChangelog(text), "6.1.190-1", "6.1.192-2")).toEqual([
      "CVE-2026-99228",
      "CVE-2026-99255",
    ]);
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["no heading", "  * CVE-2026-0001\n"],
    ["a heading without a version", "x () y; z\n  * CVE-2026-0001\n"],
    ["a version that is none", "x (../../etc) y; z\n  * CVE-2026-0001\n"],
    ["a heading that does not end", `x (${"1".repeat(100_000)}\n`],
  ])("%s tells nothing", (_name, text) => {
    expect(fixedBetween(parseDebianChangelog(text), "1", "2")).toBeNull();
  });
});

describe("a changelog of rpm", () => {
  const text = [
    "\tDmitry Belyavskiy <dbelyavs@redhat.com> - 1:3.0.7-25",
    "- Fix CVE-2026-1111",
    "  Resolves: RHEL-1",
    "\tSahana Prasad <sahana@redhat.com> - 3.0.7-24",
    "- Fix cve-2026-2222, CVE-2026-1111",
    "\tSahana Prasad <sahana@redhat.com> [3.0.7-23]",
    "- Rebase",
    "",
  ].join("\n");
  const changelog = parseRpmChangelog(text);

  test("has versions from the ends of its headings", () => {
    expect(changelog.entries).toEqual([
      { version: "1:3.0.7-25", cves: ["CVE-2026-1111"] },
      { version: "3.0.7-24", cves: ["CVE-2026-2222", "CVE-2026-1111"] },
      { version: "3.0.7-23", cves: [] },
    ]);
  });

  test.each<[string, string, string, readonly string[] | null]>([
    ["one release back, whose suffix no entry has", "1:3.0.7-24.el9", "1:3.0.7-25.el9_3", ["CVE-2026-1111"]],
    ["two back", "1:3.0.7-23.el9", "1:3.0.7-25.el9_3", ["CVE-2026-1111", "CVE-2026-2222"]],
    ["cut", "1:3.0.7-22.el9", "1:3.0.7-25.el9_3", null],
    ["of another version", "1:3.0.7-23.el9", "1:3.0.7-26.el9_3", null],
    ["of one that begins with the same digits", "1:3.0.7-23.el9", "1:3.0.7-251.el9_3", null],
    ["an older one is on the disk: it fixed nothing", "1:3.0.7-26.el9", "1:3.0.7-25.el9_3", []],
  ])("%s", (_name, from, to, expected) => {
    expect(fixedBetween(changelog, from, to)).toEqual(expected);
  });

  test("of two versions that name it the later one completes the fix", () => {
    expect(fixedIn(changelog, "CVE-2026-1111")).toBe("1:3.0.7-25");
    expect(fixedIn(changelog, "CVE-2026-2222")).toBe("3.0.7-24");
  });

  test("an entry of no known version may be of any", () => {
    const gap = parseRpmChangelog("\tA <a@b> - 2-1\n- x\n\tA <a@b>\n- CVE-2026-1111\n\tA <a@b> - 1-1\n- y\n");
    expect(fixedBetween(gap, "1-1", "2-1")).toBeNull();
  });
});

test.each<[string, string | null]>([
  ["CVE-2026-28387", "CVE-2026-28387"],
  ["cve-2026-28387", "CVE-2026-28387"],
  [" CVE-2014-0160 ", "CVE-2014-0160"],
  ["CVE-2014-016", null],
  ["2014-0160", null],
  ["CVE-2014-0160; rm", null],
  ["CVE-14-0160", null],
])("%j as an id", (text, id) => expect(cveId(text)).toBe(id));

test("ids in a text, and their order", () => {
  expect(cvesIn("CVE-2026-10000, cve-2026-9999 and CVE-2026-10000; CVE-2025-12345678901234567890")).toEqual([
    "CVE-2026-10000",
    "CVE-2026-9999",
  ]);
  expect(["CVE-2026-10000", "CVE-2026-9999", "CVE-2025-1234"].sort(compareCves)).toEqual([
    "CVE-2025-1234",
    "CVE-2026-9999",
    "CVE-2026-10000",
  ]);
});
