import type { FromAgent, ToAgent } from "@afterpatch/core/session";
import { fromAgentToWire, toAgentFromWire } from "@afterpatch/wire/convert/session";
import { controllerClient } from "@afterpatch/wire/credentials";
import { open, received } from "@afterpatch/wire/rpc";
import { agentService } from "@afterpatch/wire/services";
import type { Client } from "@grpc/grpc-js";
import type { Identity } from "../identity/identity.ts";
import type { Channel, Connect } from "./channel.ts";

/** Longer than the controller's admission queue, see the controller's listener. */
const CONNECT_TIMEOUT_MS = 90_000;

/** Opens one stream to the fleet port, on a connection of its own that ends with it. */
export function dialer(identity: Identity): Connect {
  return async (signal) => {
    const client = controllerClient(identity.fleetAddress, identity);
    const abort = (): void => client.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      await ready((deadline, done) => client.waitForReady(deadline, done));
    } catch (error) {
      client.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
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

function ready(wait: (deadline: number, done: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    wait(Date.now() + CONNECT_TIMEOUT_MS, (error) => (error ? reject(error) : resolve()));
  });
}
