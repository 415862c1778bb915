import * as grpc from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { all, errorOf, FAILED, ROLLOUT, SCAN, serve } from "../../../test/fakes/rpc.ts";
import { CODE_KEY, call, duplex, follow, type Handlers, open, RpcError, received, serverStream, unary } from "./rpc.ts";
import { agentService, controlService } from "./services.ts";

/** A client that hears one message and leaves. */
async function cancelled(client: grpc.Client): Promise<void> {
  const stream = open(client, agentService.connect);
  const error = await errorOf(
    (async () => {
      for await (const _ of received(stream)) stream.cancel();
    })(),
  );
  expect(error.code).toBe(grpc.status.CANCELLED);
}

const SECRET = new Error("SQLITE_FULL at /var/lib/afterpatch/controller.db");

describe("a unary call", () => {
  test("answers with what the handler returns", async () => {
    const listRollouts = unary(async ({ limit }: { limit: number; open: boolean; ended: boolean }) => ({
      rollouts: [{ ...ROLLOUT, id: `r${limit}` }],
    }));
    const { client } = await serve({ listRollouts });
    const { rollouts } = await call(
      client,
      controlService.listRollouts,
      { limit: 7, open: false, ended: false },
      5_000,
    );
    expect(rollouts.map(({ id }) => id)).toEqual(["r7"]);
  });

  test("that is refused says why, with its code", async () => {
    const refusal = new RpcError(grpc.status.FAILED_PRECONDITION, "stale-plan", "the fleet has changed");
    const { client } = await serve({ listRollouts: unary(() => Promise.reject(refusal)) });
    const error = await errorOf(
      call(client, controlService.listRollouts, { limit: 0, open: false, ended: false }, 5_000),
    );
    expect([error.code, error.details]).toEqual([grpc.status.FAILED_PRECONDITION, "the fleet has changed"]);
    expect(error.metadata.get(CODE_KEY)).toEqual(["stale-plan"]);
  });

  test.each<[string, () => Promise<never>]>([
    ["rejects", () => Promise.reject(SECRET)],
    [
      "throws at once",
      () => {
        throw SECRET;
      },
    ],
  ])("whose handler %s is an internal error without detail, and the server lives on", async (_name, handler) => {
    let calls = 0;
    const listRollouts = unary(() => (++calls === 1 ? handler() : Promise.resolve({ rollouts: [] })));
    const { client } = await serve({ listRollouts });
    const error = await errorOf(
      call(client, controlService.listRollouts, { limit: 0, open: false, ended: false }, 5_000),
    );
    expect([error.code, error.details]).toEqual([grpc.status.INTERNAL, "internal error"]);
    expect(JSON.stringify(error.metadata.toJSON())).not.toContain("SQLITE");
    expect(await call(client, controlService.listRollouts, { limit: 0, open: false, ended: false }, 5_000)).toEqual({
      rollouts: [],
    });
  });

  test("without an answer ends at its deadline", async () => {
    const { client } = await serve({ listRollouts: unary(() => new Promise<never>(() => {})) });
    const error = await errorOf(
      call(client, controlService.listRollouts, { limit: 0, open: false, ended: false }, 100),
    );
    expect(error.code).toBe(grpc.status.DEADLINE_EXCEEDED);
  });

  test("to a server that died is unavailable", async () => {
    const asked = Promise.withResolvers<void>();
    const listRollouts = unary(() => {
      asked.resolve();
      return new Promise<never>(() => {});
    });
    const { client, server } = await serve({ listRollouts });
    const answer = errorOf(call(client, controlService.listRollouts, { limit: 0, open: false, ended: false }, 5_000));
    await asked.promise;
    server.forceShutdown();
    expect([grpc.status.UNAVAILABLE, grpc.status.CANCELLED]).toContain((await answer).code);
  });
});

describe("a server stream", () => {
  test("brings every message and ends with the handler", async () => {
    const watchRollout: Handlers<typeof controlService>["watchRollout"] = serverStream(async ({ id }, stream) => {
      for (const version of [1, 2]) stream.write({ ...ROLLOUT, id, version });
    });
    const { client } = await serve({ watchRollout });
    const seen = await all(received(follow(client, controlService.watchRollout, { id: "r1" })));
    expect(seen.map(({ id, version }) => [id, version])).toEqual([
      ["r1", 1],
      ["r1", 2],
    ]);
  });

  test("whose handler rejects ends with an internal error without detail", async () => {
    const { client } = await serve({ watchRollout: serverStream(() => Promise.reject(SECRET)) });
    const error = await errorOf(all(received(follow(client, controlService.watchRollout, { id: "r1" }))));
    expect([error.code, error.details]).toEqual([grpc.status.INTERNAL, "internal error"]);
  });
});

describe("a stream in both directions", () => {
  test("goes on down when the client has closed its half", async () => {
    const connect: Handlers<typeof agentService>["connect"] = duplex(async (stream) => {
      const heard = await all(received(stream));
      for (const _ of heard) stream.write(SCAN);
    });
    const { client } = await serve({}, connect);
    const stream = open(client, agentService.connect);
    stream.write(FAILED);
    stream.write(FAILED);
    stream.end();
    expect((await all(received(stream))).map((message) => message.body)).toEqual(["scanRequest", "scanRequest"]);
  });

  test("ends on both sides when the handler returns", async () => {
    const { client } = await serve(
      {},
      duplex(async (stream) => void stream.write(SCAN)),
    );
    expect(await all(received(open(client, agentService.connect)))).toHaveLength(1);
  });

  test("that the client cancels ends the handler's loop without an error", async () => {
    const over = Promise.withResolvers<string>();
    const connect: Handlers<typeof agentService>["connect"] = duplex(async (stream) => {
      stream.write(SCAN);
      await all(received(stream)).then(
        () => over.resolve("ended"),
        (error: unknown) => over.resolve(String(error)),
      );
    });
    const { client } = await serve({}, connect);
    await cancelled(client);
    expect(await over.promise).toBe("ended");
  });

  test("whose handler rejects is an internal error without detail, also after the client has gone", async () => {
    const gone = Promise.withResolvers<void>();
    let streams = 0;
    const connect: Handlers<typeof agentService>["connect"] = duplex(async (stream) => {
      streams += 1;
      if (streams > 1) throw SECRET;
      stream.write(SCAN);
      await all(received(stream));
      gone.resolve();
      throw SECRET;
    });
    const { client } = await serve({}, connect);
    await cancelled(client);
    await gone.promise;
    const error = await errorOf(all(received(open(client, agentService.connect))));
    expect([error.code, error.details]).toEqual([grpc.status.INTERNAL, "internal error"]);
  });

  test("that is written to after its end does not kill the server", async () => {
    const connect: Handlers<typeof agentService>["connect"] = duplex(async (stream) => {
      stream.end();
      stream.write(SCAN);
    });
    const { client } = await serve({ listRollouts: unary(async () => ({ rollouts: [] })) }, connect);
    await all(received(open(client, agentService.connect))).catch(() => []);
    expect(await call(client, controlService.listRollouts, { limit: 0, open: false, ended: false }, 5_000)).toEqual({
      rollouts: [],
    });
  });

  test("rejects when the server dies", async () => {
    const { client, server } = await serve(
      {},
      duplex(async (stream) => {
        stream.write(SCAN);
        await new Promise(() => {});
      }),
    );
    const stream = open(client, agentService.connect);
    const error = await errorOf(
      (async () => {
        for await (const _ of received(stream)) server.forceShutdown();
      })(),
    );
    expect([grpc.status.UNAVAILABLE, grpc.status.CANCELLED]).toContain(error.code);
  });
});
