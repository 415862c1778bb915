import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { fakeHost } from "../../../../test/fakes/machine.ts";
import { Progress, type Screen } from "./progress.ts";

const RESULT = {
  kind: "end-session",
  target: "imap",
  outcome: "done",
  evidence: "ended",
  startedAt: 0,
  elapsedMs: 1200,
} as const;

async function told(screen: Omit<Screen, "write">): Promise<string> {
  let text = "";
  let now = 0;
  const write = (more: string) => {
    text += more;
  };
  const progress = new Progress({ ...screen, write }, { graceMs: 10_000, settleMs: 5000, now: () => now });
  const host = fakeHost({ services: [{ name: "imap", old: 1, fresh: 0 }] }, fakeClock(0));
  const machine = progress.over(host.machine());
  progress.expect(1);
  const step = { kind: "end-session", target: "imap" };
  await machine.perform(step, await machine.evidence(step), { graceMs: 10_000, signal: new AbortController().signal });
  now = 3400;
  progress.say("by the way");
  progress.report("acting", [RESULT]);
  progress.report("settling", [RESULT]);
  progress.report("verifying", [RESULT]);
  progress.stop();
  return text;
}

test("without a terminal: plain lines, each once", async () => {
  expect(await told({})).toBe(`1/1 end-session imap: waiting for its old sessions to end; after 10s they are killed
by the way
done     end-session imap: ended (1.2 s)
waiting 5s for everything to settle
scanning again
`);
});

test("on a terminal: one line that is written anew, and what stays above it", async () => {
  const text = await told({ isTTY: true, columns: 60 });
  expect(text).toContain("\r\u001b[K3 s  1/1 end-session imap: waiting for its old sessions to ");
  expect(text).toContain("\r\u001b[Kdone     end-session imap: ended (1.2 s)\n");
  expect(text.endsWith("\r\u001b[K")).toBe(true);
  // What was only said for the moment leaves no line.
  expect(text.split("\n").filter((line) => line.endsWith("scanning again"))).toEqual([]);
});

test("a terminal that went away is not written to any more", () => {
  let isGone = false;
  const write = () => {
    if (isGone) throw new Error("EIO");
  };
  const progress = new Progress({ isTTY: true, write }, { graceMs: 0, settleMs: 1000, now: () => 0 });
  progress.report("settling", []);
  isGone = true;
  progress.mute();
  progress.report("verifying", [RESULT]);
  progress.say("by the way");
  progress.stop();
});

test("a reboot that waits says how it is cancelled, and the host that goes down that it is waited for", async () => {
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  const progress = new Progress({ write }, { graceMs: 0, settleMs: 1000, now: () => 0 });
  const host = fakeHost({ reboots: { command: "refused" } }, fakeClock(0));
  const machine = progress.over(host.machine());
  progress.expect(1);
  machine.reboots.announce({ op: "op-1", dueAt: 1_795_400_182_335, method: "reboot", message: "" });
  progress.report("returning", []);
  const options = { graceMs: 0, signal: new AbortController().signal };
  await machine.perform({ kind: "reboot", target: "host" }, {}, options);
  expect(text).toBe(`reboot host: at 2026-11-23 02:16:22 UTC; 'afterpatch-agent reboot --cancel' cancels it
1/1 reboot host: waiting for it to go down
`);
  expect(host.reboots.waiting).toMatchObject({ op: "op-1" });
});
