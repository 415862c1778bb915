import { expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { oldUnits } from "../../../../test/fakes/reports.ts";

// What is kept of a scan that failed, whether somebody asked for it or it was due.

const REPORT = await oldUnits("ssh.service");
const FAILED = { kind: "scan-failed", why: "/proc is not mounted" } as const;

async function reported() {
  const bench = await ControllerBench.with(["web1"]);
  const run = await bench.start();
  const web1 = await run.connect("web1");
  await run.says("web1", web1, { kind: "report", report: REPORT, requestId: "" });
  const failure = async () => (await bench.hosts.byId("web1"))?.scanFailure;
  return { bench, run, web1, failure };
}

test.each(["", "a request that nobody waits for any more"])(
  "it is kept beside the report before it (%j)",
  async (id) => {
    const { bench, run, web1, failure } = await reported();
    expect(await failure()).toBeNull();
    await run.says("web1", web1, { ...FAILED, requestId: id });
    expect(await failure()).toEqual({ at: bench.time.now(), why: "/proc is not mounted" });
    expect((await bench.hosts.byId("web1"))?.report?.digest).toBe(REPORT.digest);
  },
);

test("it outlives the controller, and a host that never reported may have one", async () => {
  const bench = await ControllerBench.with(["web1"]);
  const run = await bench.start();
  await run.says("web1", await run.connect("web1"), { ...FAILED, requestId: "" });
  await bench.start();
  expect(await bench.hosts.byId("web1")).toMatchObject({ report: null, scanFailure: { why: "/proc is not mounted" } });
});

test("a report that is kept ends it, with its body or without; one that is not does not", async () => {
  const { run, web1, failure } = await reported();
  const without = { ...REPORT, body: new Uint8Array() };
  await run.says("web1", web1, { ...FAILED, requestId: "" });
  await run.says("web1", web1, { kind: "report", report: { ...without, digest: "another" }, requestId: "" });
  expect(await failure()).toMatchObject({ why: "/proc is not mounted" });
  await run.says("web1", web1, { kind: "report", report: without, requestId: "" });
  expect(await failure()).toBeNull();
  await run.says("web1", web1, { ...FAILED, requestId: "" });
  await run.says("web1", web1, { kind: "report", report: REPORT, requestId: "" });
  expect(await failure()).toBeNull();
});

test("a host's words are cut to a sentence", async () => {
  const { run, web1, failure } = await reported();
  await run.says("web1", web1, { ...FAILED, why: "x".repeat(5_000), requestId: "" });
  expect((await failure())?.why).toHaveLength(1_000);
});
