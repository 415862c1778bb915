import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Admission } from "./admission.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** What Admission uses of a socket. */
function socketFrom(remoteAddress: string): Socket {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    destroyed: false,
    destroy() {
      this.destroyed = true;
      socket.emit("close");
    },
  });
  return socket as unknown as Socket; // the rest of a socket is not touched
}

test("a burst passes up to the rate, the rest waits its turn, in order", () => {
  const admitted: Socket[] = [];
  const admission = new Admission({ perSecond: 10, queue: 100, perAddress: 100 }, (socket) => admitted.push(socket));
  const sockets = Array.from({ length: 30 }, () => socketFrom("192.0.2.1"));
  for (const socket of sockets) admission.offer(socket);
  expect(admitted).toHaveLength(10);
  vi.advanceTimersByTime(1000);
  expect(admitted).toHaveLength(20);
  vi.advanceTimersByTime(5000);
  expect(admitted).toEqual(sockets);
  expect(vi.getTimerCount()).toBe(0);
});

test("beyond the queue, and beyond one address's share, sockets are closed", () => {
  const admission = new Admission({ perSecond: 1, queue: 3, perAddress: 2 }, () => undefined);
  const offer = (address: string) => {
    const socket = socketFrom(address);
    admission.offer(socket);
    return socket.destroyed;
  };
  expect(["a", "a", "a", "a", "b", "c"].map(offer)).toEqual([false, false, false, true, false, true]);
  admission.close();
  expect(vi.getTimerCount()).toBe(0);
});

test("a socket that closes while it waits gives its place to another", () => {
  const admitted: Socket[] = [];
  const admission = new Admission({ perSecond: 1, queue: 1, perAddress: 1 }, (socket) => admitted.push(socket));
  admission.offer(socketFrom("a"));
  const leaver = socketFrom("a");
  admission.offer(leaver);
  leaver.destroy();
  const next = socketFrom("a");
  admission.offer(next);
  vi.advanceTimersByTime(1100);
  expect(admitted).toContain(next);
  expect(admitted).not.toContain(leaver);
});
