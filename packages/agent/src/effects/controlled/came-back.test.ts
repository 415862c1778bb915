import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { ticksNow } from "../application/instances.ts";
import type { ScriptEvidence } from "../evidence.ts";
import { processTable } from "../processes.ts";
import { waitUntil } from "../wait.ts";
import type { ServiceControl } from "./control.ts";
import { restartControlled } from "./restart.ts";
import { programsRunBy } from "./running.ts";

const daemons: ChildProcess[] = [];
afterEach(() => {
  for (const daemon of daemons.splice(0)) daemon.kill("SIGKILL");
});

async function daemon(program: string, argument: string): Promise<number> {
  const child = spawn(program, [argument], { stdio: ["pipe", "ignore", "ignore"] });
  daemons.push(child);
  const pid = child.pid ?? 0;
  // Between its fork and its exec it runs what we run.
  const own = programsRunBy([process.pid])[0]?.program;
  await waitUntil(() => programsRunBy([pid]).some((run) => run.program !== own), 5_000, 10);
  return pid;
}

const RAN = { status: 0, stdout: "", complaint: "" };

/** A daemon whose script ends before the daemon does; what it starts in its place, and what its status says. */
async function raced(started: string | null, status: (isUp: boolean) => string | null) {
  const pid = await daemon("/bin/sleep", "600");
  const old = { pid, startTicks: processTable().get(pid)?.startTicks ?? 0 };
  const before: ScriptEvidence = { old: [old], ran: programsRunBy([pid]), ports: [], sinceTicks: ticksNow() };
  let isUp = true;
  let starts = 0;
  const control: ServiceControl = {
    ...{ target: "slow", name: "slow", by: "its script" },
    restart: async () => {
      setImmediate(() => {
        daemons[0]?.kill("SIGKILL");
        isUp = started !== null;
        if (started !== null) void daemon(started, "-");
      });
      return { ...RAN, command: "service slow restart" };
    },
    restartUs: async () => RAN,
    start: async () => {
      starts += 1;
      await daemon("/bin/sleep", "600");
      return RAN;
    },
    reload: async () => RAN,
    whyNotUp: async () => status(isUp),
    isUnderWay: () => false,
    veto: async () => null,
    keepers: () => [process.pid],
  };
  const none = () => {
    throw new Error("it is no super-server");
  };
  const { outcome } = await restartControlled(
    control,
    before,
    { graceMs: 0, signal: new AbortController().signal },
    none,
  );
  return { outcome, starts };
}

test("a script that stopped its daemon and did not start it is told to start it", async () => {
  const said = await raced(null, (isUp) => (isUp ? null : "it does not run"));
  expect(said).toEqual({ outcome: "done", starts: 1 });
});

test("one whose status never says that it runs is not: it may have started what nobody knows", async () => {
  const said = await raced("/bin/cat", () => "status says that it does not run (exit code 1)");
  expect(said).toEqual({ outcome: "failed", starts: 0 });
});
