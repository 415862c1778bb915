import { type Mistake, mistakeLine } from "@afterpatch/config/mistake";
import type { HostProbe, ProbeAnswer } from "@afterpatch/core/session";
import { expect, test } from "vitest";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/error.ts";
import { parseConfig } from "../config/parse.ts";
import { StepError } from "../effects/error.ts";
import { answersOf, type ProbeDeps } from "./probe.ts";

const STATE = {
  bootId: "b",
  softReboots: null,
  release: "6",
  build: "#1",
  failedUnits: ["a.service"],
  ports: ["tcp 22"],
};
const going = new AbortController().signal;
const FILE = "/etc/afterpatch/agent.yaml";
const policy = parseConfig(
  [
    "checks:",
    "  - {name: smoke, command: [/bin/false]}",
    "  - {name: fine, command: [/bin/true]}",
    "  - {name: slow, command: [/bin/sleep, '600']}",
    "  - {name: named, command: [/bin/sh, -c, 'test $AFTERPATCH_NAME = named && test $AFTERPATCH_MOMENT = check']}\n",
  ].join("\n"),
  FILE,
);
const MISTAKE: Mistake = { line: 3, key: "grace", what: "out of range" };
const GOOD: Config = { kind: "policy", policy, file: FILE };

function answers(given: Partial<ProbeDeps> = {}) {
  return answersOf({
    read: async () => GOOD,
    state: async () => STATE,
    unit: async (name) => (name === "ssh.service" ? null : `${name} is inactive (dead)`),
    units: async (glob) => [{ name: `${glob}.service`, why: null }],
    mayAct: true,
    ...given,
  });
}

const said = (why: string | null, more: Partial<ProbeAnswer> = {}) => ({
  why,
  failedUnits: [],
  ports: [],
  units: [],
  ...more,
});

test.each<[string, HostProbe, Partial<ProbeDeps>, ProbeAnswer]>([
  ["a unit that is up", { kind: "unit", name: "ssh.service" }, {}, said(null)],
  ["a unit that is not", { kind: "unit", name: "x.service" }, {}, said("x.service is inactive (dead)")],
  ["a snapshot", { kind: "snapshot" }, {}, said(null, { failedUnits: ["a.service"], ports: ["tcp 22"], units: [] })],
  [
    "a snapshot that cannot be taken is no empty one",
    { kind: "snapshot" },
    { state: () => Promise.reject(new StepError("unreadable", "systemd says nothing")) },
    said("cannot be told: systemd says nothing"),
  ],
  ["a check that holds", { kind: "check", name: "fine" }, {}, said(null)],
  ["a check that does not", { kind: "check", name: "smoke" }, {}, said("exited 1")],
  ["a check that knows its name", { kind: "check", name: "named" }, {}, said(null)],
  ["a check that nobody wrote", { kind: "check", name: "x" }, {}, said(`${FILE} has no check 'x'`)],
  [
    "a check without root",
    { kind: "check", name: "fine" },
    { mayAct: false },
    said("the agent runs without root, and no checks"),
  ],
  [
    "ports without root are not those of the host",
    { kind: "snapshot" },
    { mayAct: false },
    said("cannot be told: the agent runs without root"),
  ],
  [
    "a check of a file that cannot be read",
    { kind: "check", name: "fine" },
    { read: async () => ({ kind: "invalid", error: new ConfigError(FILE, [MISTAKE]) }) },
    said(`the agent's file is invalid: ${mistakeLine(FILE, MISTAKE)}`),
  ],
])("%s", async (_name, probe, given, expected) => {
  expect(await answers(given)(probe, 20_000, going)).toEqual(expected);
});

test("not more than eight questions are looked at at once", async () => {
  const never = Promise.withResolvers<string | null>();
  const ask = answers({ unit: () => never.promise });
  const open = Array.from({ length: 8 }, () => ask({ kind: "unit", name: "a" }, 1_000, going));
  expect((await ask({ kind: "unit", name: "a" }, 1_000, going)).why).toBe("8 questions are being looked at already");
  never.resolve(null);
  await Promise.all(open);
  expect((await ask({ kind: "unit", name: "a" }, 1_000, going)).why).toBeNull();
});

test("a check has the time of who asks, where that is less than its own", async () => {
  const why = "did not end within 0.2 s and was ended";
  expect(await answers()({ kind: "check", name: "slow" }, 200, going)).toEqual(said(why));
});

test("a question whose stream has ended is not waited for, and its check is ended", async () => {
  const stop = new AbortController();
  const asked = answers()({ kind: "check", name: "slow" }, 600_000, stop.signal);
  stop.abort();
  expect(await asked).toEqual(said("nobody waits for the answer any more"));
});

test("who hangs is told of in time, and keeps its place", async () => {
  const never = Promise.withResolvers<string | null>();
  const ask = answers({ unit: () => never.promise });
  const open = Array.from({ length: 8 }, () => ask({ kind: "unit", name: "a" }, 1, going));
  const late = said("cannot be told: no answer within 1 ms");
  expect(await Promise.all(open)).toEqual(Array.from({ length: 8 }, () => late));
  expect((await ask({ kind: "unit", name: "a" }, 1, going)).why).toBe("8 questions are being looked at already");
});
