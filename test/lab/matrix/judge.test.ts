import { expect, test } from "vitest";
import { judgeAfterpatch, judgePeer } from "./judge.ts";
import { type Answer, current, type Made, oldService, oldSession, type Scenario } from "./scenario.ts";
import type { Said } from "./tools.ts";

const path = "/usr/lib/x.so";
const old: Made = { old: [10], path };
const both: Made = { old: [10], current: [20], path };
const xinetd = ["xinetd.service"];

function scenario(answer: Answer, notUnits: readonly string[] = []): Scenario {
  return { name: "x", made: "", why: "", answer, notUnits, make: async () => old };
}

function said(pids: readonly (readonly [number, string | null])[], units: readonly string[] = []): Said {
  return { pids: new Map(pids), units: new Set(units) };
}

test.each([
  ["the process and its unit", scenario(oldService()), old, said([[10, null]], ["matrix-x.service"]), true, "right"],
  ["a tool that names no units", scenario(oldService()), old, said([[10, null]]), false, "right"],
  ["nothing", scenario(oldService()), old, said([]), false, "miss"],
  [
    "the unit of a user, without its manager",
    scenario(oldService("replaced", "user@1.service/x.service")),
    old,
    said([[10, "x"]]),
    true,
    "right",
  ],
  ["a process, and no unit", scenario(oldService()), old, said([[10, null]]), true, "miss"],
  ["one of two", scenario(oldService()), { old: [10, 11], path }, said([[10, null]]), false, "miss"],
  [
    "a current process beside the old",
    scenario(oldSession("x")),
    both,
    said([
      [10, null],
      [20, null],
    ]),
    false,
    "false",
  ],
  ["another's unit", scenario(oldSession("x"), xinetd), old, said([[10, null]], xinetd), true, "false"],
  ["a current process", scenario(current), { current: [20], path }, said([[20, null]]), false, "false"],
  ["nothing where nothing is old", scenario(current), { current: [20], path }, said([[30, null]]), false, "right"],
] as const)("a peer that names %s", (_name, what, made, words, namesUnits, kind) => {
  expect(judgePeer(what, made, words, { namesUnits }).kind).toBe(kind);
});

const right = "replaced; service systemd matrix-x.service; restart-service";
const anyContainer: Answer = { kind: "old", verdict: "replaced", owner: "container - *", remedy: "none" };

test.each([
  ["verdict, owner and remedy", scenario(oldService()), old, said([[10, right]]), "right"],
  ["another verdict", scenario(oldService("removed")), old, said([[10, right]]), "false"],
  ["another owner", scenario(oldSession("x")), old, said([[10, right]]), "false"],
  ["more than the owner", scenario(oldService()), old, said([[10, `${right} x`]]), "false"],
  ["a name that any text fits", scenario(anyContainer), old, said([[10, "replaced; container - a\nb; none"]]), "right"],
  ["nothing", scenario(oldService()), old, said([]), "miss"],
  [
    "a current process",
    scenario(oldService()),
    both,
    said([
      [10, right],
      [20, right],
    ]),
    "false",
  ],
] as const)("afterpatch that says %s", (_name, what, made, words, kind) => {
  expect(judgeAfterpatch(what, made, words).kind).toBe(kind);
});
