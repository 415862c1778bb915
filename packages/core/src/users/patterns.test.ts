import { expect, test } from "vitest";
import { aliases, nearestPaths, patternMatcher } from "./patterns.ts";

const MERGED = new Set(["/lib", "/bin"]);

test.each([
  ["a path", "/usr/lib/libssl.so.3", "/usr/lib/libssl.so.3", true],
  ["the path of a deleted file", "/usr/lib/libssl.so.3", "/usr/lib/libssl.so.3 (deleted)", true],
  ["a live file with the kernel's words in its name", "/opt/x (deleted)", "/opt/x (deleted)", true],
  ["the other name in a merged /usr", "/lib/libssl.so.3", "/usr/lib/libssl.so.3 (deleted)", true],
  ["the same the other way round", "/usr/lib/libssl.so.3", "/lib/libssl.so.3", true],
  ["a folder that is not merged", "/sbin/init", "/usr/sbin/init", false],
  ["a glob", "/lib/*/libssl*", "/usr/lib/x86_64-linux-gnu/libssl.so.3", true],
  ["a glob is a whole path", "libssl", "/usr/lib/libssl.so.3", false],
  ["a name", "libssl.so.3", "/opt/app/libssl.so.3 (deleted)", true],
  ["a glob of names", "libssl*", "/opt/app/libssl.so.3", true],
  ["a name is not a part of a path", "app", "/opt/app/libssl.so.3", false],
  ["a newline is printed as octal", "/opt/a\nb", "/opt/a\\012b", true],
  ["another file", "/usr/lib/libssl.so.3", "/usr/lib/libssl.so.33", false],
])("%s", (_name, typed, printed, expected) => {
  const matching = patternMatcher([{ typed, targets: [] }], MERGED);
  expect(matching(printed).length > 0).toBe(expected);
});

test("what a link leads to", () => {
  const pattern = { typed: "/usr/lib/libssl.so", targets: ["/usr/lib/libssl.so.3"] };
  expect(patternMatcher([pattern], MERGED)("/usr/lib/libssl.so.3 (deleted)")).toEqual([pattern]);
});

test("names in a merged /usr", () => {
  expect(aliases("/usr/lib/a", MERGED)).toEqual(["/usr/lib/a", "/lib/a"]);
  expect(aliases("/usr/libexec/a", MERGED)).toEqual(["/usr/libexec/a"]);
});

test.each([
  ["a typing mistake", "/usr/lib/libsl.so.3", ["/usr/lib/libssl.so.3"]],
  ["the wrong folder", "/opt/elsewhere/far/away/libssl.so.3", ["/usr/lib/libssl.so.3"]],
  ["the name of a library as programs ask for it", "libwarp.so.0", ["/usr/lib/libwrap.so.0.7.6"]],
  ["a glob over all its versions", "libwarp.so*", ["/usr/lib/libwrap.so.0.7.6"]],
  ["a library of that name in another folder", "/opt/elsewhere/far/away/libwarp.so", ["/usr/lib/libwrap.so.0.7.6"]],
  ["nothing like it", "/zzz", []],
  ["no library like it", "libnothing.so*", []],
])("nearest paths: %s", (_name, typed, expected) => {
  const mapped = ["/usr/lib/libssl.so.3", "/usr/lib/libwrap.so.0.7.6", "/usr/bin/nginx"];
  expect(nearestPaths(typed, mapped)).toEqual(expected);
});
