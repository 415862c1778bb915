import { createServer } from "node:net";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import type { Identity } from "@afterpatch/agent/identity/identity";
import { dialer } from "@afterpatch/agent/session/dial";
import { parseToken } from "@afterpatch/wire/token";
import { expect, onTestFinished, test } from "vitest";
import { controllerHere, type OpenedController } from "./in-process.ts";
import { newToken, temporaryDirectory } from "./programs.ts";

// Hosts come back after a restart of the controller: who tries again, and when, is the session's alone to decide.

async function enrolled(controller: OpenedController): Promise<Identity> {
  const token = parseToken(await newToken(controller));
  if (!token) throw new Error("the controller made no token");
  const address = { host: "localhost", port: controller.ports.enrol };
  const stateDir = await temporaryDirectory();
  return enroll({ controller: address, token, name: "web01", labels: {}, stateDir, agentVersion: "0", now: Date.now });
}

/** The first message of a new stream, or why there is none. */
async function firstWord(identity: Identity): Promise<string> {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  try {
    const channel = await dialer(async () => identity)(stop.signal);
    onTestFinished(() => channel.close());
    for await (const message of channel.incoming) return message.kind;
    return "nothing";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test("where nobody listens a dial fails at once and says why", async () => {
  const controller = await controllerHere();
  const identity = await enrolled(controller);
  await controller.close();
  const began = performance.now();
  expect(await firstWord(identity)).toMatch(/ECONNREFUSED/);
  expect(performance.now() - began).toBeLessThan(2_000);
});

test("a port that takes connections and hangs up fails at once too", async () => {
  const controller = await controllerHere();
  const identity = await enrolled(controller);
  const server = createServer((socket) => socket.destroy());
  onTestFinished(() => void server.close());
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const began = performance.now();
  expect(await firstWord({ ...identity, fleetAddress: { host: "127.0.0.1", port } })).not.toBe("welcome");
  expect(performance.now() - began).toBeLessThan(5_000);
});

test("a dial that is not wanted any more ends", async () => {
  const controller = await controllerHere();
  const identity = await enrolled(controller);
  const server = createServer({ pauseOnConnect: true }, () => undefined); // as one that waits for admission
  onTestFinished(() => void server.close());
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const stop = new AbortController();
  const dialed = dialer(async () => ({ ...identity, fleetAddress: { host: "127.0.0.1", port } }))(stop.signal);
  setImmediate(() => stop.abort());
  const ended = dialed.then(
    () => "opened",
    () => "ended",
  );
  expect(await ended).toBe("ended");
});

test("the next dial after a controller is back is welcomed", async () => {
  const controller = await controllerHere();
  const identity = await enrolled(controller);
  expect(await firstWord(identity)).toBe("welcome");
});
