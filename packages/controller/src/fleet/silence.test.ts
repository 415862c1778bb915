import { expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { events } from "../store/events.ts";
import { presence } from "../store/presence.ts";
import { lookForSilence } from "./silence.ts";

const LOST_AFTER_MS = 3_600_000;

test("a host that falls silent is told to be lost once, also over a restart, and to be back once", async () => {
  const bench = await ControllerBench.with(["web1", "web2"]);
  const { time, hosts } = bench;
  let now = time.now();
  const connected = new Set(["web1", "web2"]);
  const awaited = new Set<string>();
  const fleet = {
    isConnected: (id: string) => connected.has(id),
    isAwaited: ({ id }: { readonly id: string }) => awaited.has(id),
  };
  const clock = { now: () => now, steady: () => now, after: time.after.bind(time) };
  const log = { info() {}, warn() {}, error() {} };
  const look = () =>
    lookForSilence({ hosts, presence: presence(bench.db), fleet, clock, lostAfterMs: LOST_AFTER_MS, log });
  const told = async () => (await events(bench.db).after(0, 100)).map(({ type, host }) => `${type} ${host}`).slice(2);
  connected.delete("web2");
  now += LOST_AFTER_MS - 1;
  await look();
  expect(await told()).toEqual([]);
  now += 2;
  await look();
  await look();
  expect(await told()).toEqual(["host.lost web2"]);
  awaited.add("web2"); // the controller has started anew
  await look();
  awaited.clear();
  await look();
  expect(await told()).toEqual(["host.lost web2"]);
  connected.add("web2");
  await look();
  await look();
  expect(await told()).toEqual(["host.lost web2", "host.back web2"]);
});
