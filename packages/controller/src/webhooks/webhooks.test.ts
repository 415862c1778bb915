import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Notice } from "@afterpatch/core/rollout/notices";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { CLEAN, NAMES, permitOf } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";
import { ended, permitted, rolloutPlan, started } from "../../../../test/fakes/rollout.ts";
import { notices } from "../store/notices.ts";
import { type Post, poster } from "./post.ts";
import { Webhooks } from "./webhooks.ts";

const URL1 = "http://chat.example/hook";
const SILENT = { info() {}, warn() {}, error() {} };
const ALL = ["start", "gate", "stop", "host-failed", "done"] as const;

function planFor(...urls: readonly string[]): RolloutPlan {
  return { ...rolloutPlan({ hosts: NAMES, ramp: [2] }), webhooks: urls.map((url) => ({ url, on: ALL })) };
}

type Tell = (url: string, notice: Notice) => ReturnType<Post>;

/** A controller that tells webhooks by `tell`. */
async function scene(tell: Tell) {
  const post: Post = (url, body) => tell(url, body as Notice); // these webhooks are told nothing else
  const bench = await ControllerBench.with(NAMES);
  const { time } = bench;
  const clock = { now: () => time.now(), steady: () => time.now(), after: time.after.bind(time) };
  const store = notices(bench.db);
  const webhooks = new Webhooks({ store, post, clock, log: SILENT });
  bench.store = webhooks.watching(bench.store);
  return { bench, store, webhooks, again: () => new Webhooks({ store, post, clock, log: SILENT }) };
}

const short = ({ event, host, state }: Notice) => [event, host, state].filter((part) => part !== null).join(" ");

test("each event is told once, in its order, and nothing is due when the end was told", async () => {
  const told: string[] = [];
  const { bench, store } = await scene(async (_url, notice) => {
    told.push(short(notice));
    return null;
  });
  const run = await bench.start();
  const [web1, web2] = [await run.connect("web1"), await run.connect("web2")];
  await run.engine.start(planFor(URL1), "request-1");
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  await run.tells("web2", web2, verified(permitOf(web2), CLEAN));
  await bench.time.run(() => false, 1_000);
  expect(told).toEqual(["start", "host-failed web1", "stop", "done halted"]);
  expect(await store.due()).toEqual([]);
});

test("an address that stands there twice is told what either wants", async () => {
  const told: string[] = [];
  const { bench } = await scene(async (_url, notice) => {
    told.push(short(notice));
    return null;
  });
  const plan = {
    ...planFor(URL1),
    webhooks: [
      { url: URL1, on: ["start"] },
      { url: URL1, on: ["done"] },
    ],
  } as const;
  await bench.store.create(plan, "request-1", [started]);
  const closed: RolloutEvent = { type: "closed", at: bench.time.now(), state: "finished", why: "" };
  await bench.store.append(plan.id, { version: 1, event: closed, isClosing: true, charge: null });
  await bench.time.run(() => false, 1_000);
  expect(told).toEqual(["start", "done finished"]);
});

test("one that does not answer is asked again, later and later, and holds up nobody else", async () => {
  const told: string[] = [];
  let failures = 3;
  const { bench } = await scene(async (url, notice) => {
    if (url !== URL1 && failures-- > 0) return { why: "ECONNREFUSED", isFinal: false };
    told.push(`${new URL(url).host} ${short(notice)} ${Math.round((bench.time.now() - notice.at) / 1000)}`);
    return null;
  });
  const run = await bench.start();
  await run.engine.start(planFor("http://down.example/", URL1), "request-1");
  await bench.time.run(() => false, 60_000);
  expect(told).toEqual(["chat.example start 0", "down.example start 7"]); // 1 s, 2 s, 4 s
});

test("what was not told before the controller's end is told after, from where it was", async () => {
  const told: string[] = [];
  const { bench, webhooks, store, again } = await scene(async (_url, notice) => {
    if (notice.event === "host-failed" && !isBack) return new Promise<null>(() => {});
    told.push(`${short(notice)} #${notice.sequence}`);
    return null;
  });
  let isBack = false;
  const plan = planFor(URL1);
  const events: readonly RolloutEvent[] = [permitted("web1"), ended("web1", "failed")];
  await bench.store.create(plan, "request-1", [started]);
  for (const [index, event] of events.entries()) {
    await bench.store.append(plan.id, { version: index + 1, event, isClosing: false, charge: null });
  }
  await bench.time.run(() => false, 1_000);
  expect(told).toEqual(["start #1"]);
  void webhooks.stop(); // what it waits for never ends
  isBack = true;
  await again().start();
  await bench.time.run(() => false, 1_000);
  expect(told).toEqual(["start #1", "host-failed web1 #3"]);
  expect(await store.due()).toMatchObject([{ position: 3 }]);
});

test("one that says no for good is told the next event, and one that never answers is given up after a day", async () => {
  const asked: string[] = [];
  const { bench, store } = await scene(async (url, notice) => {
    asked.push(`${new URL(url).host} ${notice.event}`);
    return { why: "no", isFinal: url === URL1 };
  });
  const plan = planFor(URL1, "http://down.example/");
  await bench.store.create(plan, "request-1", [started]);
  const closed: RolloutEvent = { type: "closed", at: bench.time.now(), state: "finished", why: "" };
  await bench.store.append(plan.id, { version: 1, event: closed, isClosing: true, charge: null });
  await bench.time.run(() => false, 3_600_000);
  expect(asked.filter((one) => one.startsWith("chat"))).toEqual(["chat.example start", "chat.example done"]);
  await bench.time.run(() => false, 2 * 86_400_000);
  expect(asked).toContain("down.example done");
  expect(await store.due()).toEqual([]);
});

test.each<[number, unknown]>([
  [204, null],
  [302, { why: "answered 302", isFinal: true }],
  [404, { why: "answered 404", isFinal: true }],
  [429, { why: "answered 429", isFinal: false }],
  [500, { why: "answered 500", isFinal: false }],
])("a server that answers %i", async (status, expected) => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      bodies.push(`${request.method} ${request.headers["content-type"]} ${body}`);
      response.writeHead(status, { location: "/elsewhere" }).end();
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  const rollout = { id: "r1", name: "n", reason: "DSA-6001", actor: "ops" };
  const about = { host: null, state: null, why: "" } as const;
  const notice: Notice = { schema: "afterpatch.notice/v1", event: "start", at: 1, sequence: 1, rollout, ...about };
  const going = new AbortController().signal;
  const post = poster(async () => [], { now: () => 1 });
  expect(await post(`http://127.0.0.1:${port}/hook`, notice, going, "msg_r1_1")).toEqual(expected);
  expect(bodies).toEqual([`POST application/json ${JSON.stringify(notice)}`]);
  await new Promise((resolve) => server.close(resolve));
  if (status === 204) {
    const refused = { why: "ECONNREFUSED", isFinal: false };
    expect(await post(`http://127.0.0.1:${port}/hook`, notice, going, "msg_r1_1")).toEqual(refused);
  }
});
