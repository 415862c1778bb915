import { join } from "node:path";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import type { Identity } from "@afterpatch/agent/identity/identity";
import { controllerClient } from "@afterpatch/wire/credentials";
import { fromAgentToWire, toAgentFromWire } from "@afterpatch/wire/convert/session";
import { CODE_KEY, open, received } from "@afterpatch/wire/rpc";
import { agentService } from "@afterpatch/wire/services";
import { parseToken } from "@afterpatch/wire/token";
import * as grpc from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { cli } from "./cli-process.ts";
import { initialised, newToken, type RunningController, serve, temporaryDirectory } from "./programs.ts";

// `afterpatch hosts revoke` as it is typed, before a real controller and the stream of a host that has joined it.

type Place = Pick<RunningController, "dataDir" | "ports">;

async function joined(controller: Place, name: string): Promise<Identity> {
  const token = parseToken(await newToken(controller));
  if (!token) throw new Error("the controller made no token");
  const address = { host: "localhost", port: controller.ports.enrol };
  const stateDir = await temporaryDirectory();
  return enroll({ controller: address, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
}

/** An agent's stream: what it heard, and how it ended. */
function connected(controller: Place, identity: Identity) {
  const client = controllerClient({ host: "localhost", port: controller.ports.fleet }, identity);
  onTestFinished(() => client.close());
  const stream = open(client, agentService.connect);
  const welcomed = Promise.withResolvers<void>();
  const ended = (async () => {
    try {
      for await (const message of received(stream)) {
        const told = toAgentFromWire(message);
        if (told.kind !== "welcome") continue;
        const { epoch } = told;
        stream.write(fromAgentToWire({ kind: "hello", epoch, agentVersion: "0", bootId: "b", permits: [] }));
        welcomed.resolve();
      }
      return "ended";
    } catch (error) {
      if (!(error instanceof Error && "code" in error && "metadata" in error)) throw error;
      const { code, metadata } = error as grpc.ServiceError; // has both, checked above
      return `${grpc.status[code]} ${String(metadata.get(CODE_KEY)[0] ?? "")}`.trim();
    }
  })();
  return { welcomed: welcomed.promise, ended };
}

const at = (controller: Place, ...args: readonly string[]) => {
  const to = ["--controller", `localhost:${controller.ports.fleet}`];
  return cli([...args, ...to, "--credentials", join(controller.dataDir, "admin")]).ended;
};

test("a revoked host is cut off at once, let in no more, and gone from the fleet; others stay", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  const [stolen, other] = [await joined(first, "web01"), await joined(first, "web02")];
  const [cut, kept] = [connected(first, stolen), connected(first, other)];
  await Promise.all([cut.welcomed, kept.welcomed]);
  const isHere = async () => (await at(first, "status", "web01", "-o", "json")).out.includes('"presence": "connected"');
  await expect.poll(isHere, { timeout: 20_000 }).toBe(true);
  const before = performance.now();
  const done = await at(first, "hosts", "revoke", "web01", "--reason", "stolen\u001b[2J", "--yes");
  expect([done.code, done.err, done.out]).toEqual([0, "", "Revoked web01; its connection was ended\n"]);
  expect(await cut.ended).not.toBe("");
  expect(performance.now() - before).toBeLessThan(30_000); // not by some timeout of a stream
  expect(await connected(first, stolen).ended).toMatch(/^(?:UNAVAILABLE|PERMISSION_DENIED revoked)$/);
  const status = JSON.parse((await at(first, "status", "-o", "json")).out);
  expect(status.hosts.map(({ name }: { name: string }) => name)).toEqual(["web02"]);
  const again = await Promise.race([kept.ended, Promise.resolve("still there")]);
  expect(again).toBe("still there");
  // It stays so over a restart, and nobody joins under its name.
  await first.stop("SIGTERM");
  const second = await serve(dataDir);
  expect(await connected(second, stolen).ended).toMatch(/^(?:UNAVAILABLE|PERMISSION_DENIED revoked)$/);
  await expect(joined(second, "web01")).rejects.toThrow(/web01/);
}, 90_000);

test("mistakes: nothing is revoked", async () => {
  const dataDir = await initialised();
  const controller = await serve(dataDir);
  for (const name of ["web01", "web02"]) await joined(controller, name);
  const rows: readonly [readonly string[], number, string][] = [
    [["web01"], 5, "--reason: is missing; say why, for those who read the log"],
    [["web01", "--reason", " "], 5, "--reason: is missing"],
    [["web01", "--reason", "x"], 5, "hosts revoke: nobody is at a terminal to confirm it; add --yes"],
    [["", "--reason", "x", "--yes"], 5, "host is empty"],
    [[" ", "--reason", "x", "--yes"], 5, "host: is empty; write the name of one host"],
    [["all", "--reason", "x", "--yes"], 5, "hosts revoke: 'all' names 2 hosts; write the name of one"],
    [["wbe01", "--reason", "x", "--yes"], 6, "hosts revoke: nothing matches 'wbe01' (nearest: web01"],
  ];
  for (const [args, code, said] of rows) {
    const { code: exit, err } = await at(controller, "hosts", "revoke", ...args);
    expect([exit, err]).toEqual([code, expect.stringContaining(said)]);
  }
  const status = JSON.parse((await at(controller, "status", "-o", "json")).out);
  expect(status.hosts).toHaveLength(2);
}, 90_000);
