import { describe, expect, test } from "vitest";
import { all, FAILED, ROLLOUT, serve } from "../../../test/fakes/rpc.ts";
import { toAgentToWire } from "./convert/session.ts";
import { drained, duplex, follow, type Handlers, newestOnly, open, received, serverStream } from "./rpc.ts";
import { agentService, controlService } from "./services.ts";

describe("a peer that does not read", () => {
  const LARGE = "x".repeat(100_000);

  test("is not listened to until it reads, so that nothing piles up, and then gets everything", async () => {
    const full = Promise.withResolvers<void>();
    let most = 0;
    const connect: Handlers<typeof agentService>["connect"] = duplex(async (stream) => {
      for await (const _ of received(stream)) {
        stream.write(toAgentToWire({ kind: "scan", requestId: LARGE }));
        most = Math.max(most, stream.writableLength);
        if (stream.writableNeedDrain) full.resolve();
        await drained(stream);
      }
    });
    const { client } = await serve({}, connect);
    const stream = open(client, agentService.connect);
    for (let i = 0; i < 300; i++) stream.write(FAILED);
    await full.promise;
    stream.end();
    expect(await all(received(stream))).toHaveLength(300);
    expect(most).toBeLessThanOrEqual(16); // the high-water mark of streams of objects
  });

  test("and leaves is not waited for", async () => {
    const over = Promise.withResolvers<void>();
    const full = Promise.withResolvers<void>();
    const connect: Handlers<typeof agentService>["connect"] = duplex(async (stream) => {
      while (!stream.writableNeedDrain) stream.write(toAgentToWire({ kind: "scan", requestId: LARGE }));
      full.resolve();
      await drained(stream);
      over.resolve();
    });
    const { client } = await serve({}, connect);
    const stream = open(client, agentService.connect);
    stream.on("error", () => {}); // our own cancelling
    await full.promise;
    stream.cancel();
    await over.promise;
  });

  test("misses snapshots but the newest, which is the last it gets", async () => {
    const full = Promise.withResolvers<void>();
    const watchRollout: Handlers<typeof controlService>["watchRollout"] = serverStream(async ({ id }, stream) => {
      const last = Promise.withResolvers<void>();
      const tell = newestOnly(stream, (version: number) => {
        stream.write({ ...ROLLOUT, id, why: LARGE, version });
        if (version === 500) last.resolve();
      });
      for (let version = 1; version <= 500; version++) tell(version);
      full.resolve();
      await last.promise;
    });
    const { client } = await serve({ watchRollout });
    const stream = follow(client, controlService.watchRollout, { id: "r1" });
    await full.promise;
    const versions = (await all(received(stream))).map(({ version }) => version);
    expect(versions.length).toBeLessThan(40);
    expect([versions[0], versions.at(-1)]).toEqual([1, 500]);
  });
});
