import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resume } from "@afterpatch/agent/apply/carry-out";
import { EXIT } from "@afterpatch/core/exit";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { exit, hostWith, order, said, SSH } from "./ruled-host.ts";

const root = mkdtempSync(join(tmpdir(), "afterpatch-apply-hooks-"));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

describe("hooks and checks", () => {
  const log = () => readFileSync(join(folder, "log"), "utf8").trim().split("\n");
  const hook = (name: string, script: string) => `[{ name: ${name}, command: [/bin/sh, -c, '${script}'] }]`;

  test("are run around what is done, and know what it is", async () => {
    const line = `echo $AFTERPATCH_MOMENT $AFTERPATCH_STEP $AFTERPATCH_TARGET $AFTERPATCH_OUTCOME $AFTERPATCH_RESULT $AFTERPATCH_ROLLOUT $AFTERPATCH_OPERATION >> ${folder}/log`;
    const { apply } = hostWith(
      folder,
      `hooks:
  beforeApply: ${hook("a", line)}
  afterApply: ${hook("b", line)}
  beforeStep: ${hook("c", line)}
  afterStep: ${hook("d", line)}
checks: ${hook("e", line)}`,
    );
    await apply(order([SSH]));
    expect(log()).toEqual([
      "beforeApply r1 op-1",
      "beforeStep restart-service ssh.service r1 op-1",
      "afterStep restart-service ssh.service done r1 op-1",
      "check r1 op-1",
      "afterApply verified r1 op-1",
    ]);
  });

  test("are not run where nothing is to be done", async () => {
    const { apply, host } = hostWith(
      folder,
      `hooks: { beforeApply: ${hook("a", `touch ${folder}/ran`)}, afterApply: ${hook("b", `touch ${folder}/ran`)} }`,
    );
    const done = await apply(order([{ kind: "restart-service", target: "gone.service" }]));
    expect(said(done)).toBe("verified  gone.service skipped");
    expect(existsSync(join(folder, "ran"))).toBe(false);
    expect(host.effects).toEqual([]);
  });

  test("a failing beforeStep vetoes its step alone, and afterStep follows", async () => {
    const only = `test $AFTERPATCH_TARGET != cron.service || { echo cron is busy; exit 1; }`;
    const { host, apply } = hostWith(
      folder,
      `hooks: { beforeStep: ${hook("a", only)}, afterStep: ${hook("b", `echo $AFTERPATCH_TARGET $AFTERPATCH_OUTCOME >> ${folder}/log`)} }`,
    );
    const done = await apply();
    expect(said(done)).toBe("failed step-failed imap done cron.service vetoed ssh.service done");
    expect(done.steps[1]?.evidence).toBe("hook a (beforeStep): exited 1: cron is busy");
    expect(host.effects).not.toContain("restart-service:cron.service");
    expect(log()).toEqual(["imap done", "cron.service vetoed", "ssh.service done"]);
    expect(exit(done)).toBe(EXIT.halted);
  });

  test("a failing afterStep fails its step", async () => {
    const done = await hostWith(folder, `hooks: { afterStep: ${hook("a", "exit 3")} }`).apply(order([SSH]));
    expect(done.steps[0]).toMatchObject({
      outcome: "failed",
      evidence: "restart-service of ssh.service, but then: hook a (afterStep): exited 3",
    });
    expect(exit(done)).toBe(EXIT.failed);
  });

  test("a failing check fails the proof", async () => {
    const { apply, host } = hostWith(folder, `checks: ${hook("web", "echo no answer; exit 1")}`);
    const done = await apply(order([SSH]));
    expect(done.ending).toMatchObject({
      result: "failed",
      code: "check-failed",
      message: "check web: exited 1: no answer",
    });
    expect(host.effects).toHaveLength(1);
    expect(exit(done)).toBe(EXIT.failed);
  });

  test("a failing afterApply is told, and is the end", async () => {
    const done = await hostWith(folder, `hooks: { afterApply: ${hook("in", "exit 1")} }`).apply(order([SSH]));
    expect(done.ending).toMatchObject({
      result: "failed",
      code: "hook-failed",
      message: "hook in (afterApply): exited 1",
    });
    expect(exit(done)).toBe(EXIT.failed);
  });

  test("after a veto by beforeApply, afterApply still puts right what it began", async () => {
    const { apply, host } = hostWith(
      folder,
      `hooks: { beforeApply: ${hook("out", `touch ${folder}/out; exit 1`)}, afterApply: ${hook("in", `rm ${folder}/out`)} }`,
    );
    expect(said(await apply())).toBe("refused hook-vetoed");
    expect(existsSync(join(folder, "out"))).toBe(false);
    expect(host.effects).toEqual([]);
  });

  test("after a crash the order is prepared again and ended", async () => {
    const { deps, journal, clock } = hostWith(
      folder,
      `hooks: { beforeApply: ${hook("out", `echo out >> ${folder}/log`)}, afterApply: ${hook("in", `echo in >> ${folder}/log`)} }`,
    );
    await journal.append({
      type: "begun",
      op: "op-1",
      order: order(),
      bootId: "boot-1",
      at: clock.now(),
      sinceBootMs: clock.sinceBootMs(),
    });
    await resume("op-1", deps);
    expect(log()).toEqual(["out", "in"]);
  });

  test("after a crash that came behind the last step, what was begun is still ended", async () => {
    const { deps, journal, clock } = hostWith(
      folder,
      `hooks: { beforeApply: ${hook("out", `echo out >> ${folder}/log`)}, afterApply: ${hook("in", `echo in >> ${folder}/log`)} }`,
    );
    const at = clock.now();
    const begun = {
      type: "begun",
      op: "op-1",
      order: order([SSH]),
      bootId: "boot-1",
      at,
      sinceBootMs: 100_000,
    } as const;
    const result = { ...SSH, outcome: "done", evidence: "restarted", startedAt: at, elapsedMs: 1 } as const;
    await journal.append(begun);
    await journal.append({ type: "intent", op: "op-1", step: SSH, before: {}, attempt: 1, at });
    await journal.append({ type: "outcome", op: "op-1", result });
    await resume("op-1", deps);
    expect(log()).toEqual(["in"]);
  });

  test("are those that the file has at their moment", async () => {
    const late = `hooks: { afterApply: ${hook("late", `echo late >> ${folder}/log`)} }`;
    writeFileSync(join(folder, "next"), late);
    const { apply } = hostWith(
      folder,
      `hooks: { beforeApply: ${hook("out", `cp ${folder}/next ${folder}/agent.yaml`)} }`,
    );
    await apply(order([SSH]));
    expect(log()).toEqual(["late"]);
  });

  test("what was allowed before a hook is asked again after it", async () => {
    const { host, apply } = hostWith(folder, `hooks: { beforeStep: ${hook("slow", `touch ${folder}/deny`)} }`);
    expect(said(await apply())).toBe("refused denied");
    expect(host.effects).toEqual([]);
  });
});
