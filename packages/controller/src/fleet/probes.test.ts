import type { ProbeAnswer } from "@afterpatch/core/session";
import { expect, test } from "vitest";
import { ControllerBench, type ControllerRun } from "../../../../test/fakes/controller.ts";
import { agentsAsked } from "../health/agents.ts";

const UP: ProbeAnswer = { why: null, failedUnits: [], ports: [], units: [] };
const going = new AbortController().signal;

async function asked(signal = going) {
  const bench = await ControllerBench.with(["web1", "web2"]);
  const run = await bench.start();
  const web1 = await run.connect("web1");
  const answer = run.probes.request("web1", { kind: "unit", name: "ssh.service" }, 20_000, signal);
  const request = web1.heard.find((message) => message.kind === "probe");
  if (!request) throw new Error("the host was not asked");
  return { bench, run, web1, answer, request };
}

test("a connected host is asked, and its answer is what comes", async () => {
  const { run, web1, answer, request } = await asked();
  expect(request).toMatchObject({ probe: { kind: "unit", name: "ssh.service" }, timeoutMs: 20_000 });
  await run.says("web1", web1, { kind: "probe-result", requestId: request.requestId, answer: UP });
  expect(await answer).toEqual(UP);
});

test("another host's answer, or one to another question, is none; one that does not answer in time is told so", async () => {
  const { bench, run, web1, answer, request } = await asked();
  const web2 = await run.connect("web2");
  await run.says("web2", web2, { kind: "probe-result", requestId: request.requestId, answer: UP });
  await run.says("web1", web1, { kind: "probe-result", requestId: "other", answer: UP });
  await bench.time.run(() => false, 25_000);
  expect(await answer).toBe("its agent did not answer");
});

test("a host that is not connected is not waited for, nor is one that nobody wants to hear any more", async () => {
  const stop = new AbortController();
  const { run, answer } = await asked(stop.signal);
  expect(await run.probes.request("web2", { kind: "snapshot" }, 20_000, going)).toBe("not connected");
  stop.abort();
  expect(await answer).toBe("its agent did not answer in time");
});

test.each<[string, (run: ControllerRun) => Promise<unknown>, ProbeAnswer, unknown]>([
  ["a unit that is up", (run) => agentsAsked(run.probes).unit("web1", "ssh.service", going), UP, null],
  [
    "a check that fails, in words that are shown as they are",
    (run) => agentsAsked(run.probes).check("web1", "smoke", 1_000, going),
    { ...UP, why: "exited 1: \u001b[2J" },
    "exited 1: \\u{1b}[2J",
  ],
  [
    "what a host is like",
    (run) => agentsAsked(run.probes).snapshot("web1", going),
    { why: null, failedUnits: ["apt.service"], ports: ["tcp 22"], units: [] },
    { why: null, failedUnits: ["apt.service"], ports: ["tcp 22"], units: [] },
  ],
  [
    "a host that cannot tell",
    (run) => agentsAsked(run.probes).snapshot("web1", going),
    { ...UP, why: "cannot be told: EACCES" },
    "cannot be told: EACCES",
  ],
])("%s", async (_name, ask, said, expected) => {
  const bench = await ControllerBench.with(["web1"]);
  const run = await bench.start();
  const web1 = await run.connect("web1");
  const answer = ask(run);
  const request = web1.heard.find((message) => message.kind === "probe");
  await run.says("web1", web1, { kind: "probe-result", requestId: request?.requestId ?? "", answer: said });
  expect(await answer).toEqual(expected);
});
