import { expect, test } from "vitest";
import { abridged, echoed, redact, someOf, textOfBytes, visible } from "./text.ts";

test.each([
  ["plain text stays", "nginx: worker", "nginx: worker"],
  ["letters of other scripts stay", "Müller 東京", "Müller 東京"],
  ["an escape sequence", "\x1b[2Jrm", "\\u{1b}[2Jrm"],
  ["a newline", "a\nb", "a\\u{a}b"],
  ["a bidi override", "a\u202eb", "a\\u{202e}b"],
  ["a zero-width space", "a\u200bb", "a\\u{200b}b"],
  ["a line separator", "a\u2028b", "a\\u{2028}b"],
  ["a C1 control", "a\u009bb", "a\\u{9b}b"],
  ["a lone surrogate", "a\ud800b", "a\\u{d800}b"],
  ["an unassigned code point", "a\u{e0fff}b", "a\\u{e0fff}b"],
])("%s", (_name, text, expected) => expect(visible(text)).toBe(expected));

test.each([
  ["a name", "web01", "'web01'"],
  ["nothing", "", "''"],
  ["what a terminal would obey", "\x1b[2J", "'\\u{1b}[2J'"],
  ["80 characters", "x".repeat(80), `'${"x".repeat(80)}'`],
  ["more: both ends stay", `begin${"-".repeat(100)}end`, `'begin${"-".repeat(48)}…${"-".repeat(23)}end'`],
])("echoed: %s", (_name, text, expected) => expect(echoed(text)).toBe(expected));

test.each([["a"], ["\x1b"], ["😀"], ["'"], ["\ud800"], ["a\n"]])(
  "an echo of 100 kB of %j is short and well-formed",
  (unit) => {
    const echo = echoed(unit.repeat(100_000 / unit.length));
    expect(echo.length).toBeLessThanOrEqual(82);
    expect(echo.isWellFormed()).toBe(true);
    expect(visible(echo)).toBe(echo);
  },
);

test("no character is cut in two", () => {
  expect(abridged(`${"😀".repeat(10)}`, 8)).toBe("😀😀…😀");
});

test.each<[readonly string[], string]>([
  [[], ""],
  [["a", "b"], "a, b"],
  [["a", "b", "c", "d", "e", "f"], "a, b, c, d, e, f"],
  [["a", "b", "c", "d", "e", "f", "g"], "a, b, c, d, e and 2 more"],
])("%j as some of a list", (items, expected) => expect(someOf(items)).toBe(expected));

test.each([
  ["ASCII", [0x61, 0x2f], "a/"],
  ["UTF-8", [0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80], "ü€😀"],
  ["a stray byte", [0x61, 0xff, 0x62], "a\\xffb"],
  ["a cut sequence", [0xe2, 0x82], "\\xe2\\x82"],
  ["an overlong slash", [0xc0, 0xaf], "\\xc0\\xaf"],
  ["an encoded surrogate", [0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"],
])("bytes as text: %s", (_name, bytes, expected) => expect(textOfBytes(String.fromCharCode(...bytes))).toBe(expected));

test.each([
  [
    "an ordinary daemon",
    ["/usr/sbin/sshd", "-D", "-f", "/etc/ssh/sshd_config"],
    "/usr/sbin/sshd -D -f /etc/ssh/sshd_config",
  ],
  ["a password after =", ["app", "--password=hunter2"], "app --password=[redacted]"],
  ["a password after a space", ["app", "--db-password", "hunter2", "x"], "app --db-password [redacted] x"],
  ["a token in an assignment", ["env", "API_TOKEN=abc", "app"], "env API_TOKEN=[redacted] app"],
  [
    "a password inside a shell command",
    ["sh", "-c", "app --password hunter2 --x"],
    "sh -c app --password [redacted] --x",
  ],
  ["user and password in a URL", ["curl", "https://bob:pw@h/x"], "curl https://bob:[redacted]@h/x"],
  ["mysql's -p", ["/usr/bin/mysql", "-uroot", "-phunter2"], "/usr/bin/mysql -uroot -p[redacted]"],
  ["a key pasted into an argument", ["x", "-----BEGIN RSA PRIVATE KEY-----\nMII"], "x [redacted]"],
  ["a JSON web token", ["x", "eyJhbGciOi.eyJzdWIi.sig"], "x [redacted]"],
  ["a cloud key id", ["x", "AKIAIOSFODNN7EXAMPLE"], "x [redacted]"],
  ["a long hexadecimal run", ["x", "0123456789abcdef0123456789abcdef"], "x [redacted]"],
  ["a 40-character secret with slashes", ["x", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"], "x [redacted]"],
  ["a long path", ["/usr/lib/x86_64-linux-gnu/libexec/kf5/drkonqi"], "/usr/lib/x86_64-linux-gnu/libexec/kf5/drkonqi"],
  ["nothing", [], ""],
])("redacted: %s", (_name, argv, expected) => expect(redact(argv)).toBe(expected));

test("a hostile command line is cut and does not hang", () => {
  expect(redact([`${"-a".repeat(60_000)}=`, "x".repeat(100_000)]).length).toBeLessThan(1100);
});
