import type { ToAgent } from "@afterpatch/core/session";
import { describe, expect, test } from "vitest";
import { every } from "./reports.ts";
import { finished, PERMIT, type Stream, sessionOf, WELCOME, welcomed } from "../../../../test/fakes/session.ts";

const OPTIONS = { graceMs: 0, signal: new AbortController().signal };

describe("reports", () => {
  const reports = (stream: Stream) =>
    stream.sent.flatMap((m) => (m.kind === "report" ? [[m.requestId, m.report.body.length > 0]] : []));

  test("come on schedule, and say why they were made; a second one without news has no body", async () => {
    const web = await welcomed();
    const { digest } = lastReport(web.stream());
    web.stream().say({ kind: "report-ack", digest, sendBody: false });
    await web.pass(1_800_000);
    expect(reports(web.stream())).toEqual([
      ["", true],
      ["", false],
    ]);
    expect(reasons(web.stream())).toEqual(["boot", "schedule"]);
  });

  test("have their body as long as the controller has not said that it kept it", async () => {
    const web = await welcomed();
    await web.pass(1_800_000);
    web.stream().end();
    await web.pass(2_000);
    web.stream(2).say(WELCOME);
    await web.pass(1_000);
    expect([...reports(web.stream(1)), ...reports(web.stream(2))].map(([, hasBody]) => hasBody)).toEqual([
      true,
      true,
      true,
    ]);
  });

  test("made off line are kept to the newest, which is delivered on return", async () => {
    const web = sessionOf({ refusedDials: 40 });
    await web.pass(900_000);
    await web.host.machine().perform({ kind: "restart-service", target: "ssh.service" }, {}, OPTIONS);
    await web.pass(1_500_000);
    web.stream().say(WELCOME);
    await web.pass();
    expect(web.stream().sent).toMatchObject([
      { kind: "hello" },
      { kind: "report", requestId: "", reason: "schedule", report: { findings: { service: 0 } } },
    ]);
  });

  test("after a permit the scan that proved it is the newest: an older one never takes its place on return", async () => {
    const web = await welcomed();
    web.stream().say({ kind: "permit", permit: PERMIT });
    await web.pass(30_000);
    web.stream().end();
    await web.pass(2_000);
    web.stream(2).say(WELCOME);
    await web.pass(1_000);
    expect(web.stream(2).sent[1]).toMatchObject({
      kind: "report",
      reason: "after-apply",
      report: { findings: { service: 0 } },
    });
  });

  test("a proof that is told again does not take the place of what was found since", async () => {
    const web = await welcomed();
    web.stream().say({ kind: "permit", permit: PERMIT });
    await web.pass(30_000);
    web.host.upgrade("ssh.service");
    web.stream().say({ kind: "scan", requestId: "s1" });
    await web.pass(30_000); // the proof is told every ten seconds
    web.stream().end();
    await web.pass(2_000);
    web.stream(2).say(WELCOME);
    await web.pass();
    expect(web.stream(2).sent[1]).toMatchObject({ kind: "report", report: { findings: { service: 1 } } });
  });

  test("come at the interval of the controller from its Welcome on, and by the host's own schedule where it has one", async () => {
    const web = await welcomed({}, { reportIntervalMs: 60_000 });
    await web.pass(150_000);
    expect(reasons(web.stream())).toEqual(["boot", "schedule", "schedule"]);
    const own = await welcomed({ schedule: () => 20_000 }, { reportIntervalMs: 60_000 });
    await own.pass(50_000);
    expect(reasons(own.stream())).toEqual(["boot", "schedule", "schedule"]);
  });

  test("come a tenth earlier to a tenth later than the interval says", () => {
    const waits = [0, 0.5, 0.999].map((jitter) => every(1_000)(0, jitter));
    expect(waits.map(Math.round)).toEqual([900, 1_000, 1_100]);
  });

  test("a schedule of a month does not come at once: a timer of Node holds 24 days", async () => {
    const web = await welcomed({ schedule: () => 31 * 86_400_000 });
    await web.pass(86_400_000);
    expect(web.longestSleepMs()).toBeLessThanOrEqual(2 ** 31 - 1);
    expect(reasons(web.stream())).toEqual(["boot"]);
  });

  test("the body follows when it is asked for, in answer to the same request", async () => {
    const web = await welcomed();
    const { digest } = lastReport(web.stream());
    web.stream().say({ kind: "report-ack", digest, sendBody: false }, { kind: "scan", requestId: "s1" });
    await web.pass(1_000);
    web.stream().say({ kind: "report-ack", digest, sendBody: true });
    await web.pass(1_000);
    expect(reports(web.stream())).toEqual([
      ["", true],
      ["s1", false],
      ["s1", true],
    ]);
  });

  test("answers are told apart when two requests are under way", async () => {
    const web = await welcomed();
    const { digest } = lastReport(web.stream());
    const needed: ToAgent = { kind: "report-ack", digest, sendBody: true };
    web
      .stream()
      .say({ ...needed, sendBody: false }, { kind: "scan", requestId: "s1" }, { kind: "scan", requestId: "s2" });
    await web.pass(1_000);
    web.stream().say(needed, needed);
    await web.pass(1_000);
    expect(reports(web.stream()).slice(3)).toEqual([
      ["s1", true],
      ["s2", true],
    ]);
  });

  test("of a stream that broke are answered by nobody: the next stream counts anew", async () => {
    const web = await welcomed();
    const { digest } = lastReport(web.stream());
    web.stream().end();
    await web.pass(2_000);
    web.stream(2).say(WELCOME, { kind: "scan", requestId: "s1" });
    await web.pass(1_000);
    const needed: ToAgent = { kind: "report-ack", digest, sendBody: true };
    web.stream(2).say(needed, needed);
    await web.pass(1_000);
    expect(
      reports(web.stream(2))
        .slice(2)
        .map(([requestId]) => requestId),
    ).toEqual(["", "s1"]);
  });

  test("have a body again when something changed", async () => {
    const web = await welcomed();
    await web.host.machine().perform({ kind: "restart-service", target: "ssh.service" }, {}, OPTIONS);
    web.stream().say({ kind: "scan", requestId: "s1" });
    await web.pass(1_000);
    expect(reports(web.stream()).at(-1)).toEqual(["s1", true]);
  });

  test("a scan that fails is said with its reason, and the stream lives on", async () => {
    const web = await welcomed();
    web.host.setScanFailure("/proc is not mounted");
    web.stream().say({ kind: "scan", requestId: "s1" });
    await web.pass(1_000);
    expect(web.stream().sent.at(-1)).toEqual({ kind: "scan-failed", requestId: "s1", why: "/proc is not mounted" });
    expect(web.stream().isClosed).toBe(false);
  });

  test("a scan that failed off line is said on return, beside what was found before", async () => {
    const web = await welcomed();
    web.stream().end();
    web.host.setScanFailure("/proc is not mounted");
    await web.pass(3_600_000);
    web.stream(2).say(WELCOME);
    await web.pass();
    expect(web.stream(2).sent.slice(1)).toMatchObject([
      { kind: "report", reason: "boot" },
      { kind: "scan-failed", requestId: "", why: "/proc is not mounted" },
    ]);
  });

  test("a scan that was due and failed is said too, and again after whatever an older scan has to say", async () => {
    const web = await welcomed();
    const { digest } = lastReport(web.stream());
    web.host.setScanFailure("/proc is not mounted");
    await web.pass(1_800_000);
    const failed = { kind: "scan-failed", requestId: "", why: "/proc is not mounted" };
    expect(web.stream().sent.at(-1)).toEqual(failed);
    web.stream().say({ kind: "report-ack", digest, sendBody: true });
    await web.pass(1_000);
    expect(web.stream().sent.slice(-2)).toMatchObject([{ kind: "report", reason: "boot" }, failed]);
  });

  test("a proof that is told again ends no failure of a scan since", async () => {
    const web = await welcomed();
    web.stream().say({ kind: "permit", permit: PERMIT });
    await web.pass(15_000);
    web.host.setScanFailure("/proc is not mounted");
    web.stream().say({ kind: "scan", requestId: "s1" });
    await web.pass(30_000);
    expect(web.stream().sent.slice(-2)).toMatchObject([
      { kind: "permit-update", update: { state: "finished", outcome: { result: "verified" } } },
      { kind: "scan-failed", requestId: "" },
    ]);
  });

  test("a scan that succeeds ends it", async () => {
    const web = await welcomed();
    web.host.setScanFailure("/proc is not mounted");
    await web.pass(1_800_000);
    web.host.setScanFailure(null);
    await web.pass(1_800_000);
    web.stream().end();
    await web.pass(2_000);
    web.stream(2).say(WELCOME);
    await web.pass();
    expect(web.stream(1).kinds().slice(-2)).toEqual(["scan-failed", "report"]);
    expect(web.stream(2).kinds()).toEqual(["hello", "report"]);
  });

  test("a scan that hangs holds up neither permits nor another answer", async () => {
    const web = await welcomed();
    web.holdScans(3_600_000);
    web.stream().say({ kind: "scan", requestId: "s1" }, { kind: "permit", permit: { ...PERMIT, hostId: "h2" } });
    await web.pass(1_000);
    expect(finished(web.stream())).toMatchObject([{ outcome: { result: "refused", code: "wrong-host" } }]);
  });
});

describe("after changes", () => {
  test("one scan is made when the host is at rest again, and none on schedule meanwhile", async () => {
    const packages = fakeChanges();
    const web = await welcomed({ changes: [packages] });
    packages.isPending = () => true;
    await web.pass(3_600_000);
    expect(reasons(web.stream())).toEqual(["boot"]);
    packages.isPending = () => false;
    packages.settle();
    await web.pass(1_000);
    expect(reasons(web.stream())).toEqual(["boot", "package-change"]);
    await web.pass(1_800_000);
    expect(reasons(web.stream())).toEqual(["boot", "package-change", "schedule"]);
  });

  test("a change during a scan leads to one more", async () => {
    const packages = fakeChanges();
    const web = await welcomed({ changes: [packages] });
    web.holdScans(60_000);
    packages.settle();
    await web.pass(1_000);
    packages.settle();
    await web.pass(300_000);
    expect(reasons(web.stream())).toEqual(["boot", "package-change", "package-change"]);
  });
});

function lastReport(stream: Stream) {
  const report = stream.sent.findLast((message) => message.kind === "report");
  if (!report) throw new Error("no report was sent");
  return report.report;
}

function reasons(stream: Stream) {
  return stream.sent.flatMap((m) => (m.kind === "report" ? [m.reason] : []));
}

/** Packages of which the test says when they have changed. */
function fakeChanges() {
  let settled = 0;
  let wake = () => {};
  return {
    reason: "package-change" as const,
    isPending: (): boolean => false,
    settle(): void {
      settled += 1;
      wake();
    },
    async settled(): Promise<void> {
      while (settled === 0) await new Promise<void>((resolve) => (wake = resolve));
      settled -= 1;
    },
  };
}
