import { describe, expect, test } from "vitest";
import { cleanBytes, ownGroup } from "./reclaim.ts";

describe("the cgroup of a process", () => {
  test.each([
    [
      "its unit's",
      "0::/system.slice/afterpatch-agent.service\n",
      "/sys/fs/cgroup/system.slice/afterpatch-agent.service",
    ],
    ["beside version 1", "4:memory:/a\n0::/init.scope\n", "/sys/fs/cgroup/init.scope"],
    ["that of the whole machine", "0::/\n", null],
    ["out of sight of its namespace", "0::/../other.service\n", null],
    ["version 1 alone", "4:memory:/system.slice/afterpatch-agent.service\n", null],
    ["nothing", "", null],
  ])("%s", (_name, text, group) => {
    expect(ownGroup(text)).toBe(group);
  });
});

describe("what a cgroup could give back", () => {
  test("is the page cache that lists of the kernel call active and inactive", () => {
    expect(cleanBytes("anon 18034688\nfile 99\ninactive_file 14307328\nactive_file 479232\n")).toBe(14_786_560);
  });

  test("is nothing where the memory of cgroups is not counted", () => {
    expect(cleanBytes("")).toBe(0);
  });
});
