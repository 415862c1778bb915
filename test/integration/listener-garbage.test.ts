import { randomBytes } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";
import { call } from "@afterpatch/wire/rpc";
import { controlService } from "@afterpatch/wire/services";
import { expect, test } from "vitest";
import { frame, literal, PREFACE, TYPES } from "../fuzz/frames.ts";
import { controllerHere } from "./in-process.ts";
import { adminFiles, leastServices } from "./least-services.ts";
import { adminClient, until } from "./programs.ts";

// Whoever comes to the ports and speaks something else, or nothing.

test("garbage at both ports, inside TLS too, ends nothing but its own connection", async () => {
  const controller = await controllerHere(leastServices);
  const admin = await adminFiles(controller.dataDir);
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  for (const port of [controller.ports.fleet, controller.ports.enrol]) {
    for (let i = 0; i < 20; i++) {
      const garbage = randomBytes(1 + i * 97);
      await thrown(connectTcp(port, "localhost"), garbage);
      await reset(port, garbage);
      await thrown(connect({ host: "localhost", port, ALPNProtocols: ["h2"], ...admin }), garbage);
      await thrown(
        connect({ host: "localhost", port, ALPNProtocols: ["h2"], ...admin }),
        Buffer.concat([preface, garbage]),
      );
    }
  }
  const operator = await adminClient(controller.dataDir, controller.ports.fleet);
  const request = { uses: 1, expiresMs: 60_000, labels: {} };
  await expect(call(operator, controlService.createToken, request, 5_000)).resolves.toBeDefined();
  const answer = await fetch(`http://127.0.0.1:${controller.ports.http}/healthz`);
  expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
});

test("streams that are ended before they can be answered end nothing else", async () => {
  const controller = await controllerHere(leastServices);
  const admin = await adminFiles(controller.dataDir);
  const headers = (path: string, type: string) =>
    Buffer.concat([
      ...[literal(":method", "POST"), literal(":scheme", "https"), literal(":path", path)],
      ...[literal(":authority", "localhost"), literal("content-type", type)],
    ]);
  // A method that is not there, and content that is not gRPC's: both are answered before any handler.
  const kinds = [headers("/nothing/Here", "application/grpc"), headers("/nothing/Here", "text/html")];
  for (const port of [controller.ports.fleet, controller.ports.enrol]) {
    for (const block of kinds) {
      const opened = frame(TYPES.headers, 0x4, 1, block);
      const ends = [
        frame(TYPES.reset, 0, 1, Buffer.from([0, 0, 0, 8])),
        // A broken frame ends the whole session, and with it the stream that nobody has answered yet.
        frame(TYPES.settings, 0, 0, Buffer.alloc(5)),
        frame(TYPES.goaway, 0, 0, Buffer.alloc(3)),
        frame(TYPES.window, 0, 0, Buffer.alloc(4)),
      ];
      for (const end of ends) {
        const bytes = Buffer.concat([PREFACE, frame(TYPES.settings, 0, 0, Buffer.alloc(0)), opened, end]);
        await thrown(connect({ host: "localhost", port, ALPNProtocols: ["h2"], ...admin }), bytes);
      }
    }
  }
  const operator = await adminClient(controller.dataDir, controller.ports.fleet);
  const request = { uses: 1, expiresMs: 60_000, labels: {} };
  await expect(call(operator, controlService.createToken, request, 5_000)).resolves.toBeDefined();
});

/** Connects, writes and resets the connection (RST), at once. */
async function reset(port: number, bytes: Buffer): Promise<void> {
  const socket = connectTcp(port, "localhost");
  await new Promise((settle) => socket.once("connect", settle));
  await new Promise((settle) => socket.write(bytes, settle));
  socket.resetAndDestroy();
}

/** Writes and waits until either side has closed. */
async function thrown(socket: ReturnType<typeof connectTcp>, bytes: Buffer): Promise<void> {
  const closed = new Promise((settle) => socket.once("close", settle));
  socket.on("error", () => undefined); // a reset is what is wanted
  socket.resume().end(bytes);
  const timer = setTimeout(() => socket.destroy(), 200);
  await closed;
  clearTimeout(timer);
}

test("a silent connection is closed when the handshake takes too long", async () => {
  const controller = await controllerHere(leastServices);
  const socket = connectTcp(controller.ports.fleet, "localhost");
  socket.on("error", () => undefined); // a reset is as good
  socket.resume();
  let isClosed = false;
  socket.once("close", () => {
    isClosed = true;
  });
  await until(() => isClosed);
});
