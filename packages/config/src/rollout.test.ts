import { expect, test } from "vitest";
import { parseRollout } from "./rollout.ts";

const HEAD = "apiVersion: afterpatch/v1\nkind: Rollout\n";

function specOf(text: string) {
  const parsed = parseRollout(HEAD + text);
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.spec;
}

test.each<[string, string, readonly string[]]>([
  ["one of each", "wave: 1\nwaves:\n  - {name: a, after: [b]}\n", ["3 wave", "5 waves[0].after[0]"]],
  [
    "one in the same wave",
    "waves:\n  - {name: a, after: [b], mode: fast}\nbudgets: [{by: zone}]\n",
    ["4 waves[0].mode", "4 waves[0].after[0]", "5 budgets[0]"],
  ],
  ["nothing of what had to be left out", "hooks:\n  drain: 1\n  undrain: {command: [/x]}\n", ["4 hooks.drain"]],
  ["nothing where no file is left", "waves:\n  - {after: [b]}\n", ["4 waves[0].name"]],
  ["hooks without any", "hooks: {}\n", ["3 hooks"]],
])("mistakes of form do not hide those of sense: %s", (_name, text, expected) => {
  const parsed = parseRollout(HEAD + text);
  const mistakes = parsed.kind === "invalid" ? parsed.mistakes : [];
  expect(mistakes.map(({ line, key }) => `${line} ${key}`)).toEqual(expected);
});

test("the example of the design is understood", () => {
  const spec = specOf(`name: openssl-2026-11
reason: "DSA-6001"
select: "prod:!canary_exempt"
actions: {reboot: never, never: ["docker*"], packages: [openssl, "libssl*"], cves: [CVE-2026-1234]}
waves:
  - {name: canary, pick: {per: [os, kernel, role]}, bake: 30m, approve: manual}
  - {name: stateless, select: "web:api", ramp: [1, 5%, 25%]}
  - {name: data, select: "etcd:postgres", after: [canary], order: {leaderLast: etcd-is-leader}}
budgets:
  - {by: zone, maxGroups: 1}
  - {by: service, maxUnavailable: 10%}
  - {select: etcd, quorum: majority}
  - {select: db, maxUnavailable: 0}
stop: {maxFailures: 2, maxFailuresPercent: 5%, progressDeadline: 45m}
hooks:
  drain: {command: [/usr/bin/lb, drain, "{host}"], onFail: skip-host}
  undrain: {command: [/usr/bin/lb, enable, "{host}"], timeout: 2m}
health:
  before: [{prometheus: {url: "http://prom:9090", query: 'ALERTS{severity="page"}'}}]
  after: [{tcp: "{host}:443"}, {http: {url: "http://{host}:8080/healthz"}, for: 30s}, {unit: nginx.service}, {baseline: {}}]
timing: {reboot: 10m, settle: 60s}
windows: [{days: [sat, sun], start: "22:00", duration: 4h, tz: Europe/Paris, lastStart: 1h}]
freeze: [{from: 2026-12-24, until: "2026-12-27 06:00", tz: Europe/Paris, reason: holidays}]
unreachable: wait 2h
webhooks: [{url: "https://chat.example/hook", on: [gate, done]}]
`);
  expect(spec.waves.map(({ name, after, bakeMs, isApproved }) => ({ name, after, bakeMs, isApproved }))).toEqual([
    { name: "canary", after: [], bakeMs: 1_800_000, isApproved: true },
    { name: "stateless", after: ["canary"], bakeMs: 0, isApproved: false },
    { name: "data", after: ["canary"], bakeMs: 0, isApproved: false },
  ]);
  expect(spec.budgets.map(({ limit }) => limit)).toEqual([
    { kind: "groups", most: 1 },
    { kind: "unavailable", size: { kind: "percent", percent: 10 } },
    { kind: "quorum" },
    { kind: "unavailable", size: { kind: "none" } },
  ]);
  expect(spec.stop).toEqual({ maxFailures: 2, maxFailuresPercent: 5, progressDeadlineMs: 2_700_000 });
  expect(spec.health.after.map(({ name, forMs }) => [name, forMs])).toEqual([
    ["tcp {host}:443", 0],
    ["http http://{host}:8080/healthz", 30_000],
    ["unit nginx.service", 0],
    ["baseline", 0],
  ]);
  expect(spec.freeze).toEqual([
    { from: Date.UTC(2026, 11, 23, 23), until: Date.UTC(2026, 11, 27, 5), reason: "holidays" },
  ]);
  expect(spec.windows[0]).toMatchObject({ startMinute: 1320, lastStartMs: 3_600_000, tz: "Europe/Paris" });
  expect(spec.unreachable).toEqual({ kind: "wait", ms: 7_200_000 });
  expect(spec.actions.reboot).toMatchObject({ mode: "never", withinMs: 600_000 });
});

test("nothing but a head is one wave, one host at a time, and no failure", () => {
  const spec = specOf("");
  expect(spec.waves).toMatchObject([{ name: "all", select: null, after: [], ramp: [{ kind: "hosts", count: 1 }] }]);
  expect(spec).toMatchObject({ stop: { maxFailures: 0 }, budgets: [], windows: [], actions: { only: null } });
});

test.each([
  ["nothing", "", null, "", "is empty"],
  ["another version", "apiVersion: afterpatch/v2\nkind: Rollout\n", 1, "apiVersion", "has to be afterpatch/v1"],
  ["no version", "kind: Rollout\n", 1, "apiVersion", "is missing"],
  ["a key that nobody knows", `${HEAD}wave: []\n`, 3, "wave", "unknown key; did you mean waves?"],
  [
    "two waves of one name",
    `${HEAD}waves:\n  - {name: a}\n  - {name: a}\n`,
    5,
    "waves[1].name",
    "a is the name of a wave already",
  ],
  [
    "after a later wave",
    `${HEAD}waves:\n  - {name: a, after: [b]}\n  - {name: b}\n`,
    4,
    "waves[0].after[0]",
    "b does not come before",
  ],
  [
    "after no wave",
    `${HEAD}waves:\n  - {name: a, after: [x]}\n`,
    4,
    "waves[0].after[0]",
    "x is not a wave of this file",
  ],
  ["a batch of none", `${HEAD}waves:\n  - {name: a, ramp: [0]}\n`, 4, "waves[0].ramp[0]", "1 at least"],
  ["half a percentage", `${HEAD}waves:\n  - {name: a, ramp: [2.5]}\n`, 4, "waves[0].ramp[0]", "has to be"],
  ["more than all", `${HEAD}waves:\n  - {name: a, ramp: [101%]}\n`, 4, "waves[0].ramp", "more than all hosts"],
  [
    "two limits",
    `${HEAD}budgets:\n  - {by: zone, maxGroups: 1, maxUnavailable: 1}\n`,
    4,
    "budgets[0]",
    "one of maxUnavailable",
  ],
  ["no limit", `${HEAD}budgets:\n  - {by: zone}\n`, 4, "budgets[0]", "one of maxUnavailable"],
  ["groups of nothing", `${HEAD}budgets:\n  - {maxGroups: 1}\n`, 4, "budgets[0].maxGroups", "needs by"],
  [
    "a program without a path",
    `${HEAD}hooks:\n  drain: {command: [lb]}\n`,
    4,
    "hooks.drain.command[0]",
    "not an absolute path",
  ],
  ["two probes in one", `${HEAD}health:\n  after: [{unit: a, tcp: "h:1"}]\n`, 4, "health.after[0]", "one of tcp"],
  ["a port that is none", `${HEAD}health:\n  after: [{tcp: "h:99999"}]\n`, 4, "health.after[0].tcp", "not HOST:PORT"],
  ["an address that is none", `${HEAD}webhooks: [{url: "ftp://x"}]\n`, 3, "webhooks[0].url", "begins with http"],
  [
    "a zone that is none",
    `${HEAD}windows: [{start: "22:00", duration: 1h, tz: Europe/Pariss}]\n`,
    3,
    "windows[0].tz",
    "not a time zone",
  ],
  [
    "a last start beyond the window",
    `${HEAD}windows: [{start: "22:00", duration: 1h, lastStart: 1h}]\n`,
    3,
    "windows[0].lastStart",
    "leaves nothing",
  ],
  [
    "a freeze that ends before",
    `${HEAD}freeze: [{from: 2026-12-27, until: 2026-12-24}]\n`,
    3,
    "freeze[0].until",
    "not after from",
  ],
  ["a day that is none", `${HEAD}freeze: [{from: 2026-02-30, until: 2026-12-24}]\n`, 3, "freeze[0].from", "not a time"],
  ["unreachable in other words", `${HEAD}unreachable: wait\n`, 3, "unreachable", "not one of skip, fail"],
  [
    "a reboot in other words",
    `${HEAD}actions: {reboot: maybe}\n`,
    3,
    "actions.reboot",
    "never, when-required or always",
  ],
  ["a delay of two days", `${HEAD}actions: {delay: 2d}\n`, 3, "actions.delay", "not between"],
])("%s is a mistake with its line", (_name, text, line, key, what) => {
  const parsed = parseRollout(text);
  expect(parsed.kind === "invalid" ? parsed.mistakes : []).toEqual(
    expect.arrayContaining([{ line, key, what: expect.stringContaining(what) }]),
  );
});
