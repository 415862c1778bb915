import type { FromAgent, ToAgent } from "@afterpatch/core/session";
import { fromAgentToWire, toAgentFromWire } from "@afterpatch/wire/convert/session";
import { controllerClient } from "@afterpatch/wire/credentials";
import { open, received } from "@afterpatch/wire/rpc";
import { agentService } from "@afterpatch/wire/services";
import { type Client, connectivityState } from "@grpc/grpc-js";
import type { Identity } from "../identity/identity.ts";
import type { Channel, Connect } from "./channel.ts";

/** Longer than the controller's admission queue, see the controller's listener. */
const CONNECT_TIMEOUT_MS = 90_000;

/**
 * Opens one stream to the fleet port, on a connection of its own that ends with it. `identity`: of now; one that has
 * expired may be made good meanwhile, or an error tells what for it waits.
 */
export function dialer(identityNow: () => Promise<Identity>): Connect {
  return async (signal) => {
    const identity = await identityNow();
    const client = controllerClient(identity.fleetAddress, identity);
    try {
      await connected(client, signal);
    } catch (error) {
      client.close();
      throw error;
    }
    const stream = openStream(client);
    stream.on("error", () => {}); // the reading side below sees the same error and reports it
    const channel: Channel = {
      send: (message: FromAgent) => {
        if (!stream.destroyed && !stream.writableEnded) stream.write(fromAgentToWire(message));
      },
      incoming: incoming(stream),
      close: () => {
        stream.cancel();
        client.close();
      },
    };
    return channel;
  };
}

function openStream(client: Client) {
  return open(client, agentService.connect);
}

async function* incoming(stream: ReturnType<typeof openStream>): AsyncGenerator<ToAgent, void> {
  for await (const message of received(stream)) yield toAgentFromWire(message);
}

/**
 * Waits for the first attempt to connect, and for no other: grpc-js would try again by itself, at its own growing
 * distances, while the session that is to decide about that knows of no failure. After a failed attempt the call that
 * is made next fails at once, and says why.
 */
async function connected(client: Client, signal: AbortSignal): Promise<void> {
  const channel = client.getChannel();
  const deadline = Date.now() + CONNECT_TIMEOUT_MS;
  const changed = (from: connectivityState) =>
    new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      channel.watchConnectivityState(from, deadline, (error) => {
        signal.removeEventListener("abort", abort);
        if (error) reject(new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`, { cause: error }));
        else resolve();
      });
    });
  for (;;) {
    signal.throwIfAborted();
    const state = channel.getConnectivityState(true);
    if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return;
    await changed(state);
  }
}
