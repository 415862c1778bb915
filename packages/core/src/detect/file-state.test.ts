import fc from "fast-check";
import { expect, test } from "vitest";
import {
  isStepped,
  mappedBefore,
  nextClock,
  nextState,
  parseClock,
  parseStates,
  serializeStates,
  type FileState,
  type Holder,
  type Now,
} from "./file-state.ts";

const MINUTE = 60_000;
const SCAN = 100 * MINUTE;
const old: FileState = {
  path: "/usr/lib/x.so",
  inode: "fe01.77",
  key: "k1",
  content: "sha256:aa",
  since: 10 * MINUTE,
  before: [],
};
const rewritten: Now = { inode: "fe01.77", key: "k2", content: "sha256:bb", changedAt: 110 * MINUTE };
const touched: Now = { ...rewritten, content: "sha256:aa" };
const holder: Holder = { pid: 7, ppid: 1, startTicks: 700, startedAt: 50 * MINUTE, address: 0x7f00 };
const seen = { pid: 7, startTicks: 700, address: 0x7f00, isSure: true };
const after: FileState = { ...old, key: "k2", content: "sha256:bb", since: 110 * MINUTE, before: [seen] };

test.each([
  ["other bytes, and the process was there at the last scan", old, rewritten, holder, "before"],
  ["other bytes, and the process started since", old, rewritten, { ...holder, startedAt: 105 * MINUTE }, "unsure"],
  [
    "other bytes, and it started within a second of the scan",
    old,
    rewritten,
    { ...holder, startedAt: SCAN - 500 },
    "unsure",
  ],
  ["other times, the same bytes, since before it started", old, touched, holder, "after"],
  ["the same bytes, first seen after it started", old, touched, { ...holder, startedAt: 5 * MINUTE }, null],
  ["nothing known of the file", null, rewritten, holder, null],
  ["another inode took the name", old, { ...rewritten, inode: "fe01.78" }, holder, null],
  ["nothing happened since", old, { ...rewritten, key: "k1", content: "sha256:aa" }, holder, "after"],
  ["read in another way than then", old, { ...rewritten, content: "build-id:bb" }, holder, null],
  ["found by an earlier scan, and nothing happened since", after, { ...rewritten, key: "k2" }, holder, "before"],
  ["found, and touched since", after, { ...rewritten, key: "k3" }, holder, "before"],
  ["found, and the bytes were put back", after, { ...rewritten, key: "k3", content: "sha256:aa" }, holder, "before"],
  [
    "found, and replaced itself since (execve)",
    after,
    { ...rewritten, key: "k2" },
    { ...holder, address: 0x7e00 },
    null,
  ],
  ["found, and its number is another's now", after, { ...rewritten, key: "k2" }, { ...holder, startTicks: 800 }, null],
  ["a child that was forked by one found", after, rewritten, { ...holder, pid: 8, ppid: 7, startTicks: 999 }, "before"],
  [
    "a child that started another program",
    after,
    { ...rewritten, key: "k2" },
    { ...holder, pid: 8, ppid: 7, startTicks: 999, address: 1 },
    null,
  ],
  [
    "started by PID 1, which was found: it has called execve(2)",
    { ...after, before: [{ ...seen, pid: 1, startTicks: 0 }] },
    { ...rewritten, key: "k2" },
    holder,
    null,
  ],
  [
    "not told by an earlier scan",
    { ...after, before: [{ ...seen, isSure: false }] },
    { ...rewritten, key: "k2" },
    holder,
    "unsure",
  ],
] as const)("%s", (_name, state, now, process, expected) => {
  expect(mappedBefore(state, now, SCAN, process)).toBe(expected);
});

test("the time since when bytes are the same moves only with the bytes", () => {
  expect(nextState(old.path, old, touched, []).since).toBe(old.since);
  expect(nextState(old.path, old, rewritten, []).since).toBe(rewritten.changedAt);
  expect(nextState(old.path, old, { ...touched, inode: "2" }, []).since).toBe(touched.changedAt);
});

const number = fc.nat();
const state: fc.Arbitrary<FileState> = fc.record({
  path: fc.string({ unit: "binary", maxLength: 30 }).map((text) => `/${text}`),
  inode: fc.string({ minLength: 1 }),
  key: fc.string({ minLength: 1 }),
  content: fc.constantFrom("sha256:0a", "build-id:ff01"),
  since: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  before: fc.array(fc.record({ pid: number, startTicks: number, address: number, isSure: fc.boolean() })),
});

test("what is written is what is read", () => {
  fc.assert(
    fc.property(fc.array(state), (states) => {
      expect(parseStates(serializeStates(states))).toEqual(states);
    }),
  );
});

test.each([
  ["nothing", ""],
  ["half of it", serializeStates([old]).slice(0, -8)],
  ["another document", '{"schema":"afterpatch.inventory/v1","files":[]}'],
  ["a row too short", '{"schema":"afterpatch.states/v1","files":[["/x","i","k"]]}'],
  ["a path that is none", '{"schema":"afterpatch.states/v1","files":[["x","i","k","sha256:aa",1]]}'],
  ["content of no kind", '{"schema":"afterpatch.states/v1","files":[["/x","i","k","md5:aa",1]]}'],
  ["a process that is none", '{"schema":"afterpatch.states/v1","files":[["/x","i","k","sha256:aa",1,[1,2,-3,1]]]}'],
  ["a row that is none", '{"schema":"afterpatch.states/v1","files":[7]}'],
])("not taken: %s", (_name, text) => expect(parseStates(text)).toBeNull());

test("the clock of a boot: the least, the greatest and the last start of the machine that scans reckoned", () => {
  const first = nextClock(null, "b", 5000);
  expect(first).toEqual({ bootId: "b", from: 5000, to: 5000, last: 5000 });
  const stepped = nextClock(nextClock(first, "b", 9000), "b", 7000);
  expect(stepped).toEqual({ bootId: "b", from: 5000, to: 9000, last: 7000 });
  expect(nextClock(stepped, "other", 1)).toEqual({ bootId: "other", from: 1, to: 1, last: 1 });
  expect([isStepped(null, first), isStepped(first, stepped), isStepped(first, { ...first, bootId: "o" })]).toEqual([
    ...[true, true, true],
  ]);
  expect([isStepped(first, first), isStepped(first, { ...first, last: 5900 })]).toEqual([false, false]);
  const text = serializeStates([], stepped);
  expect(parseClock(text)).toEqual(stepped);
  expect(parseStates(text)).toEqual([]);
  for (const damaged of [
    "",
    "{}",
    '{"boot":null}',
    '{"boot":{"bootId":"b"}}',
    '{"boot":{"bootId":1,"from":1,"to":1,"last":1}}',
  ])
    expect(parseClock(damaged)).toBeNull();
});
