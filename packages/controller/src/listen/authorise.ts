import { CODE_KEY, RpcError } from "@afterpatch/wire/rpc";
import * as grpc from "@grpc/grpc-js";
import type { Log } from "../ports.ts";
import { type Access, ROLES, type Role } from "../store/operators.ts";
import { type Peer, peerOf } from "./peer.ts";
import type { Rates } from "./rates.ts";
import { type Caller, isPermitted, permittedTo } from "./permissions.ts";

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

/** How often one peer may call. */
export interface Limit {
  readonly rates: Rates;
  /** Who it is counted for. */
  readonly keyOf: (call: grpc.ServerInterceptingCallInterface) => string;
}

/** Of the fleet port: by certificate. */
export const byPeer: Limit["keyOf"] = (call) => {
  const peer = peerOf(call);
  return peer.kind === "host" ? `host/${peer.id}` : `user/${peer.name}`;
};

/** Of the enrol port, where nobody shows a certificate: by address. */
export const byAddress: Limit["keyOf"] = (call) => call.getPeer().replace(/:[0-9]+$/, "");

/** The one gate of a gRPC server: refuses a call before any handler runs. */
export function gate(identify: Identify, limit: Limit, log: Log): grpc.ServerInterceptor {
  return (method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start(next) {
        // judge never rejects: what goes wrong in it is a refusal
        void judge(method.path, call, { identify, limit, log }).then((refusal) => {
          next(refusal ? { onReceiveMetadata: () => call.sendStatus(refusal) } : undefined);
        });
      },
    });
}

async function judge(
  rpc: string,
  call: grpc.ServerInterceptingCallInterface,
  { identify, limit, log }: { readonly identify: Identify; readonly limit: Limit; readonly log: Log },
): Promise<grpc.StatusObject | null> {
  try {
    const caller = await identify(call);
    if (!limit.rates.allows(limit.keyOf(call), performance.now()))
      return status(grpc.status.RESOURCE_EXHAUSTED, "too-often", "too many calls; wait a moment and try again");
    if (isPermitted(rpc, caller)) return null;
    log.warn({ rpc, peer: call.getPeer(), caller }, "call refused");
    return status(
      grpc.status.PERMISSION_DENIED,
      "not-permitted",
      `${article(caller)} may not do this, which takes the role ${permittedTo(rpc)}`,
    );
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
