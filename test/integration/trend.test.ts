import { join } from "node:path";
import { openStore, type Store } from "@afterpatch/controller/store/store";
import { expect, onTestFinished, test } from "vitest";
import { dataDirectory } from "./in-process.ts";
import { trustedPlace } from "./trusted-place.ts";

// What reports said, over time: kept, pruned, and shown at the command line.

const COUNTS = { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };
const H = 3_600_000;
const KEEP = { reportsMs: 100 * 24 * H, reportsPerHost: 1_000, eventsMs: 100 * 24 * H, mostEvents: 1_000 };

const says = (store: Store, hostId: string, service: number, at: number, reboot: boolean | null = false) =>
  store.hosts.saveReport(
    hostId,
    {
      ...{ digest: `${service} ${reboot}`, scannedAt: at, bootId: "b", os: "debian 12", kernel: "6.1.0" },
      ...{ unreadable: 0, configError: null, body: new Uint8Array([1]), findings: { ...COUNTS, service }, reboot },
    },
    at,
  );

test("hosts that joined, fell silent and were forgotten are counted as what was known of them", async () => {
  const place = await trustedPlace();
  const { store } = place.controller;
  const [one, two] = [(await place.join("web01")).identity.hostId, (await place.join("web02")).identity.hostId];
  const hour = Math.floor(Date.now() / H) * H;
  await says(store, one, 2, hour - 3 * H + 1, true);
  await says(store, one, 2, hour - 2 * H, true);
  await says(store, one, 0, hour - 1, false);
  await says(store, two, 1, hour - 3 * H + 1);
  const shown = async (...args: readonly string[]) => {
    const { out } = await place.admin("trend", ...args, "--since", "3h", "--by", "hour", "-o", "json");
    const { schema, buckets } = JSON.parse(out);
    expect(schema).toBe("afterpatch.trend/v1");
    return buckets.map((b: Record<string, number> & { reboot: Record<string, number> }) =>
      [b.hosts, b.oldCode, b.clear, b.unknown, b.reboot.required].join("/"),
    );
  };
  // hosts/old/clear/unknown/reboot, of three hours ago first
  expect(await shown()).toEqual(["2/2/0/0/1", "2/1/0/1/1", "2/0/1/1/0", "2/0/0/2/0"]);
  expect(await shown("web02")).toEqual(["1/1/0/0/0", "1/0/0/1/0", "1/0/0/1/0", "1/0/0/1/0"]);
  await place.admin("hosts", "forget", "web02", "--reason", "scrapped", "--yes");
  expect(await shown()).toEqual(["2/2/0/0/1", "2/1/0/1/1", "2/0/1/1/0", "1/0/0/1/0"]);
  expect(await shown("web*")).toEqual(["2/2/0/0/1", "2/1/0/1/1", "2/0/1/1/0", "1/0/0/1/0"]);
  const seen = await place.admin("trend", "--since", "3h", "--by", "hour");
  expect(seen.out).toMatch(
    /HOUR +HOSTS +OLD CODE +REBOOT +UNKNOWN +OLD # UNKNOWN \? CLEAR \.\n\S+Z +2 +2 +1 +0 +#{30}\n/,
  );
  const none = await place.admin("trend", "db01");
  expect(none.code).toBe(6);
});

test("what is older or more than is kept goes from the front, and the audit log stays whole", async () => {
  const path = join(await dataDirectory(), "controller.db");
  const now = Date.now();
  const store = await openStore(path, now - 31 * 24 * H);
  onTestFinished(() => store.close());
  for (let nth = 0; nth < 30; nth++) {
    const at = now - (30 - nth) * 24 * H;
    await store.holds.setFreeze(
      { actor: "ops", reason: `day ${nth}`, since: at, until: null },
      { actor: "user/ops", at },
    );
  }
  const last = await store.events.last();
  const head = (await store.audit.head()).seq;
  expect(await store.prune(now, { ...KEEP, eventsMs: 10.5 * 24 * H })).toBeGreaterThan(15);
  const kept = await store.events.after(0, 1_000);
  expect(JSON.parse(kept[0]?.body ?? "")).toMatchObject({ reason: "day 20" });
  expect(await store.prune(now, { ...KEEP, mostEvents: 3 })).toBe(kept.length - 3);
  expect((await store.events.after(0, 1_000)).map(({ seq }) => seq)).toEqual([last - 2, last - 1, last]);
  expect([await store.events.oldest(), await store.events.last()]).toEqual([last - 2, last]);
  expect((await store.audit.page(0, 1_000)).length).toBe(head);
  await store.prune(now, { ...KEEP, mostEvents: 0 });
  expect([await store.events.oldest(), await store.events.last()]).toEqual([last + 1, last]);
});

test("of each host so many rows of history are kept, the newest, and its newest report whatever its age", async () => {
  const place = await trustedPlace();
  const { store } = place.controller;
  const { hostId } = (await place.join("web01")).identity;
  const now = Date.now();
  for (let nth = 9; nth >= 0; nth--) await says(store, hostId, nth, now - nth * 24 * H);
  await store.prune(now, { ...KEEP, reportsPerHost: 4 });
  expect((await store.history.spans(0)).map(({ since }) => (now - since) / H / 24)).toEqual([3, 2, 1, 0]);
  await store.prune(now + 200 * 24 * H, KEEP);
  expect(await store.history.spans(0)).toEqual([]);
  expect((await store.hosts.byId(hostId))?.report?.digest).toBe("0 false");
});
