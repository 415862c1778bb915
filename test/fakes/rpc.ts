import { fromAgentToWire, toAgentToWire } from "@afterpatch/wire/convert/session";
import { duplex, type Handlers } from "@afterpatch/wire/rpc";
import { agentService, controlService } from "@afterpatch/wire/services";
import * as grpc from "@grpc/grpc-js";
import { onTestFinished } from "vitest";

// Both ends of real calls on this machine, and messages to send over them.

export const SCAN = toAgentToWire({ kind: "scan", requestId: "s1" });
export const FAILED = fromAgentToWire({ kind: "scan-failed", requestId: "s1", why: "no /proc" });
export const ROLLOUT = {
  ...{ id: "r1", name: "", reason: "", actor: "", createdAt: 0, digest: "", state: "running", why: "", version: 1 },
  ...{ hosts: [], uncovered: [], endedAt: 0 },
};

/** A server on this machine with these handlers, and a client of it. */
export async function serve(
  control: Partial<Handlers<typeof controlService>>,
  connect: Handlers<typeof agentService>["connect"] = duplex(async () => {}),
) {
  const server = new grpc.Server();
  // A method without a handler answers UNIMPLEMENTED; grpc-js wants them all by its types only.
  server.addService(controlService, control as Handlers<typeof controlService>);
  server.addService(agentService, { connect });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  onTestFinished(() => {
    client.close();
    server.forceShutdown();
  });
  return { server, client };
}

export async function errorOf(work: Promise<unknown>): Promise<grpc.ServiceError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof Error && "code" in error) return error as grpc.ServiceError; // grpc-js rejects with nothing else
  throw new Error(`not an error of gRPC: ${String(error)}`);
}

export async function all<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const messages: T[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}
