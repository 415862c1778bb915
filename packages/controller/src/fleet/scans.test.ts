import { expect, test } from "vitest";
import { ControllerBench, FakeLink } from "../../../../test/fakes/controller.ts";
import { oldUnits } from "../../../../test/fakes/reports.ts";

const REPORT = await oldUnits("ssh.service");

async function asked() {
  const bench = await ControllerBench.with(["web1", "web2"]);
  const run = await bench.start();
  const web1 = await run.connect("web1");
  const answer = run.scans.request("web1", 60_000);
  const request = web1.heard.find((message) => message.kind === "scan");
  if (!request) throw new Error("the host was not asked");
  const settled = () => Promise.race([answer, Promise.resolve("waiting")]);
  return { bench, run, web1, answer, settled, requestId: request.requestId };
}

test("an answer is fresh when its report is stored", async () => {
  const { bench, run, web1, answer, requestId } = await asked();
  await run.says("web1", web1, { kind: "report", report: REPORT, requestId });
  expect(await answer).toEqual({ kind: "fresh" });
  expect((await bench.hosts.report("web1"))?.digest).toBe(REPORT.digest);
});

test("a report without its body is no answer yet: the body is asked for", async () => {
  const { run, web1, answer, settled, requestId } = await asked();
  await run.says("web1", web1, { kind: "report", report: { ...REPORT, body: new Uint8Array() }, requestId });
  expect(web1.heard.at(-1)).toEqual({ kind: "report-ack", digest: REPORT.digest, sendBody: true });
  expect(await settled()).toBe("waiting");
  await run.says("web1", web1, { kind: "report", report: REPORT, requestId });
  expect(web1.heard.at(-1)).toEqual({ kind: "report-ack", digest: REPORT.digest, sendBody: false });
  expect(await answer).toEqual({ kind: "fresh" });
});

test("a failed scan is told with its reason", async () => {
  const { run, web1, answer, requestId } = await asked();
  await run.says("web1", web1, { kind: "scan-failed", requestId, why: "/proc is not mounted" });
  expect(await answer).toEqual({ kind: "failed", why: "/proc is not mounted" });
});

test("another host's answer, or one to another request, is none", async () => {
  const { run, web1, settled, requestId } = await asked();
  const web2 = await run.connect("web2");
  await run.says("web2", web2, { kind: "report", report: REPORT, requestId });
  await run.says("web1", web1, { kind: "report", report: REPORT, requestId: "" });
  expect(await settled()).toBe("waiting");
});

test("a host that does not answer in time is silent, and so is one that is not connected", async () => {
  const { bench, run, answer } = await asked();
  bench.time.after(60_000, () => {});
  await bench.time.run(() => false, 60_000);
  expect(await answer).toEqual({ kind: "silent" });
  expect(await run.scans.request("web2", 60_000)).toEqual({ kind: "silent" });
  run.fleet.attach("web2", new FakeLink());
  expect(await run.scans.request("web2", 60_000)).toEqual({ kind: "silent" });
});
