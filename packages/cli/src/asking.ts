import { formatAddress } from "@afterpatch/wire/address";
import { controllerClient } from "@afterpatch/wire/credentials";
import { call, type Rpc } from "@afterpatch/wire/rpc";
import type { Client } from "@grpc/grpc-js";
import { type Credentials, freshCredentials } from "./credentials/fresh.ts";
import { explain } from "./refusal.ts";
import type { Shell } from "./shell.ts";

const SOON_MS = 30_000;

/** One question to the controller. `what` names what was wanted, for messages. Failures are CommandErrors. */
export type Ask = <Req, Res>(
  what: string,
  method: Rpc<Req, Res, false, false>,
  request: Req,
  deadlineMs?: number,
) => Promise<Res>;

/** Who asks, and how. */
export interface Asking {
  readonly credentials: Credentials;
  /** HOST:PORT of the fleet port. */
  readonly address: string;
  readonly ask: Ask;
}

/** Reads the credentials; the connection itself is made by each call, so that a call after an outage waits for nothing. */
export async function asking(shell: Shell): Promise<Asking> {
  const credentials = await freshCredentials(shell);
  const ask: Ask = (what, method, request, deadlineMs = SOON_MS) =>
    once(credentials, what, (client) => call(client, method, request, deadlineMs));
  return { credentials, address: formatAddress(credentials.address), ask };
}

async function once<Res>(credentials: Credentials, what: string, ask: (client: Client) => Promise<Res>): Promise<Res> {
  const client = controllerClient(credentials.address, credentials);
  try {
    return await ask(client);
  } catch (error) {
    throw await explain(error, what, credentials);
  } finally {
    client.close();
  }
}
