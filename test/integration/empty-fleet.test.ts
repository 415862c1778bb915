import { expect, test } from "vitest";
import { trustedPlace } from "./trusted-place.ts";

// What people type first, before a real controller: nobody has enrolled, or one host has.

const NOBODY = expect.stringMatching(
  /^afterpatch: [^\n]*: no host is enrolled yet; see 'afterpatch token create' [^\n]*'afterpatch-agent enroll --help'[^\n]*\n$/,
);

test("in an empty fleet every selection says that no host is enrolled, and how one is", async () => {
  const place = await trustedPlace();
  for (const args of [
    ["status", "-l", "web01"],
    ["status", "web01"],
    ["hosts", "all"],
    ["plan"],
    ["cordon", "web01", "--reason", "disk"],
  ]) {
    const { code, err } = await place.admin(...args);
    expect([args, code, err]).toEqual([args, 6, NOBODY]);
  }
  expect(await place.admin("status")).toMatchObject({ code: 0, err: "" });
}, 60_000);

test("a command of a group that was mistyped is named, where it selects no host", async () => {
  const place = await trustedPlace();
  await place.join("web01");
  const meant = await place.admin("hosts", "lst");
  expect([meant.code, meant.err]).toEqual([
    6,
    expect.stringMatching(/'lst'[^\n]*; did you mean 'afterpatch hosts list'\?\n$/),
  ]);
  const other = await place.admin("hosts", "web02");
  expect([other.code, other.err]).toEqual([6, expect.not.stringContaining("did you mean")]);
  expect((await place.admin("hosts", "web01")).code).toBe(0);
}, 60_000);
