import { randomBytes } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";
import { call } from "@afterpatch/wire/rpc";
import { controlService } from "@afterpatch/wire/services";
import { expect, test } from "vitest";
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
