import { expect, test } from "vitest";
import { FakeLink } from "../../../../test/fakes/controller.ts";
import { VirtualTime } from "../../../../test/sim/time.ts";
import { Fleet } from "./fleet.ts";

const HELLO = { bootId: "b1", agentVersion: "0.1.0" };
const SCAN = { kind: "scan", requestId: "s1" } as const;

function fleet() {
  const time = new VirtualTime(1_000);
  const clock = {
    now: () => Number.NaN,
    steady: () => time.now(),
    after: (ms: number, fn: () => void) => time.after(ms, fn),
  };
  const pass = (ms: number) => {
    time.after(ms, () => {});
    return time.run(() => false, ms);
  };
  return { fleet: new Fleet(clock), link: new FakeLink(), pass };
}

test("a host is connected from its Hello on; before that it gets nothing", () => {
  const { fleet: web, link } = fleet();
  web.attach("web1", link);
  expect([web.isConnected("web1"), web.agentVersion("web1"), web.send("web1", SCAN), link.heard]).toEqual([
    false,
    null,
    false,
    [],
  ]);
  expect(web.greet("web1", link, HELLO)).toBe(true);
  expect([web.isConnected("web1"), web.agentVersion("web1"), web.send("web1", SCAN), link.heard]).toEqual([
    true,
    "0.1.0",
    true,
    [SCAN],
  ]);
  expect(web.view().hosts.get("web1")).toEqual({ awaySince: null, bootId: "b1" });
});

test("a host that was enrolled before the start is awaited until it is heard, or for two minutes", async () => {
  const { fleet: web, link, pass } = fleet();
  const [old, fresh] = [
    { id: "web1", enrolledAt: 1 },
    { id: "web2", enrolledAt: 1_001 },
  ];
  expect([web.isAwaited(old), web.isAwaited(fresh)]).toEqual([true, false]);
  web.attach("web1", link);
  expect(web.isAwaited(old)).toBe(true);
  web.greet("web1", link, HELLO);
  expect(web.isAwaited(old)).toBe(false);
  web.detach("web1", link);
  expect(web.isAwaited(old)).toBe(false);
  const other = { id: "web3", enrolledAt: 1 };
  await pass(119_999);
  expect([web.isAwaited(other), web.startedMsAgo()]).toEqual([true, 119_999]);
  await pass(1);
  expect(web.isAwaited(other)).toBe(false);
});

test("a host never seen is in no view and gets nothing", () => {
  const { fleet: web } = fleet();
  expect(web.view()).toMatchObject({ hosts: new Map(), listeningSince: 1_000 });
  expect([web.isConnected("web1"), web.send("web1", SCAN)]).toEqual([false, false]);
});

test("the newest stream speaks for the host, the older one is closed at once", async () => {
  const { fleet: web, link, pass } = fleet();
  web.attach("web1", link);
  web.greet("web1", link, HELLO);
  await pass(500);
  const newer = new FakeLink();
  web.attach("web1", newer);
  expect(link.closedBecause).toBe("another stream of this host opened");
  expect([web.isConnected("web1"), web.send("web1", SCAN)]).toEqual([false, false]);
  expect(web.view().hosts.get("web1")).toEqual({ awaySince: 1_500, bootId: "b1" });
  expect(web.greet("web1", link, HELLO)).toBe(false);
  expect(web.isConnected("web1")).toBe(false);
  expect(web.greet("web1", newer, { ...HELLO, bootId: "b2" })).toBe(true);
  web.detach("web1", link);
  expect(web.view().hosts.get("web1")).toEqual({ awaySince: null, bootId: "b2" });
  web.send("web1", SCAN);
  expect([link.heard, newer.heard]).toEqual([[], [SCAN]]);
});

test("a host that left is away since then, until its next Hello", async () => {
  const { fleet: web, link, pass } = fleet();
  web.attach("web1", link);
  web.greet("web1", link, HELLO);
  await pass(500);
  web.detach("web1", link);
  await pass(500);
  expect(web.view().hosts.get("web1")).toEqual({ awaySince: 1_500, bootId: "b1" });
  expect([web.isConnected("web1"), web.agentVersion("web1")]).toEqual([false, null]);
  const next = new FakeLink();
  web.attach("web1", next);
  web.greet("web1", next, HELLO);
  expect(web.view().hosts.get("web1")?.awaySince).toBeNull();
});

test("a host that connects again and again without Hello stays away since the first time", async () => {
  const { fleet: web, pass } = fleet();
  for (let i = 0; i < 5; i += 1) {
    const link = new FakeLink();
    web.attach("web1", link);
    await pass(1_000);
    web.detach("web1", link);
  }
  expect(web.view().hosts.get("web1")?.awaySince).toBe(1_000);
});

test("a reset host is away at once and its stream is closed; one that is not connected is let be", () => {
  const { fleet: web, link } = fleet();
  web.reset("web1", "why");
  web.attach("web1", link);
  web.greet("web1", link, HELLO);
  web.reset("web1", "say where it stands");
  expect(link.closedBecause).toBe("say where it stands");
  expect([web.isConnected("web1"), web.send("web1", SCAN), link.heard]).toEqual([false, false, []]);
  expect(web.greet("web1", link, HELLO)).toBe(false);
});
