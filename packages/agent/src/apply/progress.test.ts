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
