import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JOURNAL_FILE, openJournal } from "@afterpatch/agent/journal/file";
import { type Surroundings, vetoOf } from "@afterpatch/agent/vetoes/vetoes";
import { EXIT } from "@afterpatch/core/exit";
import { DEFAULT_POLICY } from "@afterpatch/core/policy/defaults";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { fakeClock } from "../fakes/clock.ts";
import { CLEAR, CRON, exit, hostWith, IMAP, order, said, SSH } from "./ruled-host.ts";

const root = mkdtempSync(join(tmpdir(), "afterpatch-apply-rules-"));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

test("with nothing in the way all is done", async () => {
  const { host, apply } = hostWith(folder, "");
  const done = await apply();
  expect(said(done)).toBe("verified  imap done cron.service done ssh.service done");
  expect(host.effects).toHaveLength(3);
  expect(exit(done)).toBe(EXIT.ok);
});

describe("nothing is done, and it is said word for word", () => {
  const NEXT = "the next one opens sat 2026-11-28 22:00 UTC";
  test.each<[string, string, Partial<Surroundings>, string, string]>([
    [
      "outside of a window",
      "windows: [{ start: '22:00', duration: 4h }]",
      {},
      "window",
      `it is sat 2026-11-28 12:00 UTC, outside of every window (windows); ${NEXT}`,
    ],
    ["while packages are changed", "", { transaction: () => "dpkg is at it" }, "transaction", "dpkg is at it"],
    [
      "while a program holds it off",
      "",
      { inhibitor: () => "backup (pid 7) holds off sleep: nightly" },
      "inhibited",
      "backup (pid 7) holds off sleep: nightly",
    ],
    [
      "while somebody is logged in",
      "vetoes: { usersLoggedIn: true }",
      { usersLoggedIn: async () => "bob is logged in" },
      "users-logged-in",
      "bob is logged in",
    ],
    [
      "when nobody can tell",
      "",
      {
        transaction: () => {
          throw Object.assign(new Error("EIO: input/output error"), { code: "EIO" });
        },
      },
      "transaction",
      "whether packages are being changed cannot be told: EIO: input/output error",
    ],
    [
      "when a hook before it fails",
      "hooks: { beforeApply: [{ name: no, command: [/bin/sh, -c, 'echo not today; exit 7'] }] }",
      {},
      "hook-vetoed",
      "hook no (beforeApply): exited 7: not today",
    ],
  ])("%s", async (_name, text, here, code, message) => {
    const { host, apply } = hostWith(folder, text, here);
    const done = await apply();
    expect(done.ending).toMatchObject({ result: "refused", code, message });
    expect(host.effects).toEqual([]);
    expect(exit(done)).toBe(EXIT.halted);
  });

  test("while the deny file exists", async () => {
    const { host, apply } = hostWith(folder, "");
    writeFileSync(join(folder, "deny"), "moving \u001b[31mracks\nsecond line\n");
    const done = await apply();
    expect(done.ending).toMatchObject({
      result: "refused",
      code: "denied",
      message: `${folder}/deny exists: moving \\u{1b}[31mracks`,
    });
    expect(host.effects).toEqual([]);
    expect(exit(done)).toBe(EXIT.halted);
  });

  test("while the file is invalid, which is a mistake and no veto", async () => {
    const { host, apply } = hostWith(folder, "grace: 1");
    const done = await apply();
    const message = `${folder}/agent.yaml:2: grace: has to be text, and is the number 1`;
    expect(done.ending).toMatchObject({ result: "refused", code: "config", message });
    expect(host.effects).toEqual([]);
    expect(exit(done)).toBe(EXIT.usage);
  });
});

test("a reboot is held off by an inhibitor, whatever the file says, and by its caps", async () => {
  const clock = fakeClock();
  const deps = {
    clock,
    journals: [],
    here: { ...CLEAR, inhibitor: () => "backup holds off shutdown", starts: join(folder, "none") },
  };
  const policy = { ...DEFAULT_POLICY, vetoes: { inhibitors: false, usersLoggedIn: false } };
  const reboot = { kind: "reboot", target: "host" };
  expect(await vetoOf(policy, SSH, 0, deps)).toBeNull();
  expect(await vetoOf(policy, reboot, 0, deps)).toMatchObject({ code: "inhibited" });
  const message = "up for 100s, and caps.minimumUptime is 15m";
  expect(await vetoOf(policy, reboot, 0, { ...deps, here: { ...deps.here, ...CLEAR } })).toEqual({
    code: "cap",
    message,
  });
  clock.pass(3_600_000);
  expect(await vetoOf(policy, reboot, 0, { ...deps, here: { ...deps.here, ...CLEAR } })).toBeNull();
});

describe("vetoes that do not hold", () => {
  test.each<[string, string, Partial<Surroundings>]>([
    ["inside a window", "windows: [{ start: '11:00', duration: 4h }]", {}],
    ["a program that nobody minds", "vetoes: { inhibitors: false }", { inhibitor: () => "backup holds off sleep" }],
    ["somebody logged in", "", { usersLoggedIn: async () => "bob is logged in" }],
  ])("%s", async (_name, text, here) => expect(said(await hostWith(folder, text, here).apply())).toContain("verified"));
});

describe("in the middle of an order", () => {
  test("a deny file that appears stops before the next step", async () => {
    const { host, apply } = hostWith(
      folder,
      `hooks: { afterStep: [{ name: deny, command: [/bin/touch, ${folder}/deny] }] }`,
    );
    const done = await apply();
    expect(done.ending).toMatchObject({ result: "failed", code: "denied", message: `${folder}/deny exists` });
    expect(host.effects).toEqual(["end-session:imap"]);
    expect(exit(done)).toBe(EXIT.halted);
  });

  test("a file that becomes invalid stops before the next step, and its hooks still end what was begun", async () => {
    const hooks = `hooks:
  beforeApply: [{ name: out, command: [/bin/touch, ${folder}/out] }]
  afterStep: [{ name: spoil, command: [/bin/sh, -c, 'echo oops >> ${folder}/agent.yaml'] }]
  afterApply: [{ name: in, command: [/bin/rm, ${folder}/out] }]`;
    const { host, apply } = hostWith(folder, hooks);
    const done = await apply();
    expect(done.ending).toMatchObject({ result: "failed", code: "config" });
    expect(host.effects).toEqual(["end-session:imap"]);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  test("a unit that the file protects since the plan was made is vetoed, the others are not", async () => {
    const { host, apply } = hostWith(folder, "units: { protected: [cron] }");
    const done = await apply();
    expect(said(done)).toBe("failed step-failed imap done ssh.service done cron.service vetoed");
    expect(done.steps.at(-1)?.evidence).toBe("Never: the agent's file protects cron.service (units.protected: cron).");
    expect(host.effects).not.toContain("restart-service:cron.service");
    expect(exit(done)).toBe(EXIT.halted);
  });

  test.each([
    ["a verb that is not allowed", "verbs: [restart-service]", "end-session:imap"],
    ["a unit that a person has to name", "units: { ask: [ssh.service] }", "restart-service:ssh.service"],
    ["a user whose sessions are kept", "users: { protected: [root] }", "end-session:imap"],
  ])("a permit does not bring about %s", async (_name, text, effect) => {
    const { host, apply } = hostWith(folder, text);
    const done = await apply();
    expect(host.effects).toHaveLength(2);
    expect(host.effects).not.toContain(effect);
    expect(exit(done)).toBe(EXIT.halted);
  });

  test("a unit that a person has to name is restarted when a person did", async () => {
    const { host, apply } = hostWith(folder, "units: { ask: [ssh.service] }");
    expect(said(await apply({ ...order([SSH]), from: { kind: "local" } }))).toBe("verified  ssh.service done");
    expect(host.effects).toEqual(["restart-service:ssh.service"]);
  });

  test("a cap of restarts vetoes the step beyond it and lets sessions end", async () => {
    const { host, apply } = hostWith(folder, "caps: { restartsPerRun: 1 }");
    const done = await apply();
    expect(said(done)).toBe("failed step-failed imap done cron.service done ssh.service vetoed");
    expect(done.steps.at(-1)?.evidence).toBe("1 restart in this run, and caps.restartsPerRun is 1");
    expect(host.effects).toHaveLength(2);
  });

  test("restarts of an hour are counted over all orders of the host and after the agent's end", async () => {
    const { host, apply, clock } = hostWith(folder, "caps: { restartsPerHour: 2 }");
    const disk = await openJournal(join(folder, JOURNAL_FILE), { now: clock.now, starts: null });
    const intent = { type: "intent", op: "old", before: {}, attempt: 1 } as const;
    for (const [minutes, step] of [
      [61, SSH],
      [59, SSH],
      [1, IMAP],
    ] as const) {
      await disk.append({ ...intent, step, at: clock.now() - minutes * 60_000 });
    }
    await disk.close();
    // The journal of this order is in memory: the one on the disk holds what was before.
    const done = await apply(order([IMAP, SSH]));
    expect(said(done)).toBe("verified  imap done ssh.service done");
    const more = await openJournal(join(folder, "apply.jsonl"), { now: clock.now, starts: null });
    await more.append({ ...intent, step: CRON, at: clock.now() + 5_000 });
    await more.close();
    const beyond = await hostWith(folder, "caps: { restartsPerHour: 2 }").apply(order([SSH]));
    expect(beyond.steps[0]).toMatchObject({
      outcome: "vetoed",
      evidence: "2 restarts in the last hour, and caps.restartsPerHour is 2",
    });
    expect(host.effects).toHaveLength(2);
  });

  test("a journal that nobody can read makes room for nothing", async () => {
    writeFileSync(join(folder, JOURNAL_FILE), "no journal\nat all\n");
    const { host, apply } = hostWith(folder, "caps: { restartsPerHour: 2 }");
    const done = await apply(order([SSH]));
    expect(done.steps[0]).toMatchObject({ outcome: "vetoed" });
    expect(done.steps[0]?.evidence).toContain("what was done before cannot be counted");
    expect(host.effects).toEqual([]);
  });
});
