import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { FleetEvent } from "../store/events.ts";
import { fleetEventHandlers } from "./fleet-events.ts";

const eventAt = (seq: number): FleetEvent => ({
  ...{ seq, at: seq, type: "host.back", body: "{}" },
  ...{ hostId: "h1", host: "web01", rolloutId: null, actor: null },
});

/** A stream whose reader takes nothing before it is told to. */
class SlowReader extends EventEmitter {
  readonly request: object;
  readonly got: number[] = [];
  writableNeedDrain = false;

  constructor(request: object) {
    super();
    this.request = { since: 0, sinceAt: 0, fromNow: false, rolloutId: "", host: "", follow: true, ...request };
  }

  write({ events }: { readonly events: readonly FleetEvent[] }): boolean {
    this.got.push(...events.map(({ seq }) => seq));
    this.writableNeedDrain = events.length > 0;
    return !this.writableNeedDrain;
  }

  end(): void {}

  async take(): Promise<void> {
    this.writableNeedDrain = false;
    this.emit("drain");
    await turn();
  }
}

test("a reader that takes nothing has one page in the controller's memory, and gets all of it in the end", async () => {
  const kept = Array.from({ length: 1_200 }, (_, index) => eventAt(index + 1));
  const told = new Set<() => void>();
  const store = {
    after: async (seq: number, limit: number) => kept.filter((event) => event.seq > seq).slice(0, limit),
    last: async () => kept.length,
    before: async () => 0,
    oldest: async () => 1,
    watch: (listener: () => void) => {
      told.add(listener);
      return () => void told.delete(listener);
    },
  };
  const reader = new SlowReader({});
  // As much of a stream as the handler uses.
  fleetEventHandlers(store).watchEvents(reader as never);
  await turn();
  expect(reader.got.length).toBe(500);
  for (const tell of told) tell(); // news makes it read no faster
  await turn();
  expect(reader.got.length).toBe(500);
  await reader.take();
  expect(reader.got.length).toBe(1_000);
  await reader.take();
  await reader.take();
  kept.push(eventAt(1_201));
  for (const tell of told) tell();
  await turn();
  expect(reader.got).toEqual(kept.map(({ seq }) => seq));
  reader.emit("cancelled");
  await reader.take();
  expect(told.size).toBe(0);
});
