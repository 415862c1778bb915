import { CODE_KEY, RpcError } from "@afterpatch/wire/rpc";
import * as grpc from "@grpc/grpc-js";
import type { Log } from "../ports.ts";
import { type Access, ROLES, type Role } from "../store/operators.ts";
import { type Peer, peerOf } from "./peer.ts";
import { type Caller, isPermitted } from "./permissions.ts";

/** Decides who calls: reads the certificate and asks the store. Throws RpcError when nobody we let in. */
export type Identify = (call: grpc.ServerInterceptingCallInterface) => Promise<Caller>;

/** Callers of the enrol port show no certificate. */
export const anyone: Identify = async () => "anyone";

/** Callers of the fleet port: the store is asked at each call, so that a revocation or demotion holds at once. */
export function knownPeer(access: Access): Identify {
  return async (call) => {
    const caller = await callerOf(peerOf(call), access);
    if (!caller)
      throw new RpcError(grpc.status.PERMISSION_DENIED, "revoked", "this certificate is not let in any more");
    return caller;
  };
}

/** As what a peer is let in now; null: not at all. */
export async function callerOf(peer: Peer, access: Access): Promise<Caller | null> {
  switch (peer.kind) {
    case "host":
      return (await access.host(peer.id, peer.serial)) ? "host" : null;
    case "operator": {
      const role = await access.operator(peer.name, peer.serial);
      return role && lesser(role, peer.role);
    }
  }
}

function lesser(a: Role, b: Role): Role {
  return ROLES.indexOf(a) < ROLES.indexOf(b) ? a : b;
}

/** The one gate of a gRPC server: refuses a call before any handler runs. */
export function gate(identify: Identify, log: Log): grpc.ServerInterceptor {
  return (method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start(next) {
        // judge never rejects: what goes wrong in it is a refusal
        void judge(method.path, call, identify, log).then((refusal) => {
          next(refusal ? { onReceiveMetadata: () => call.sendStatus(refusal) } : undefined);
        });
      },
    });
}

async function judge(
  rpc: string,
  call: grpc.ServerInterceptingCallInterface,
  identify: Identify,
  log: Log,
): Promise<grpc.StatusObject | null> {
  try {
    const caller = await identify(call);
    if (isPermitted(rpc, caller)) return null;
    log.warn({ rpc, peer: call.getPeer(), caller }, "call refused");
    return status(grpc.status.PERMISSION_DENIED, "not-permitted", `${article(caller)} may not call ${rpc}`);
  } catch (err) {
    if (err instanceof RpcError) return status(err.status, err.code, err.message);
    log.error({ rpc, err }, "caller could not be judged");
    return status(grpc.status.INTERNAL, "internal", "internal error");
  }
}

function article(caller: Caller): string {
  return caller === "anyone" ? caller : caller === "operator" || caller === "admin" ? `an ${caller}` : `a ${caller}`;
}

function status(code: grpc.status, reason: string, details: string): grpc.StatusObject {
  const metadata = new grpc.Metadata();
  metadata.set(CODE_KEY, reason);
  return { code, details, metadata };
}
