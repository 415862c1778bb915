import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext, type PeerCertificate } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import type { Address } from "./address.ts";

/** PEM texts. `cert` and `key` are absent on the enrol port. */
export interface ClientIdentity {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Post-quantum hybrid first; no finite-field groups. */
export const TLS_GROUPS = "X25519MLKEM768:X25519:P-256";

/**
 * A name that every controller certificate carries beside its own. It stands in where the controller is dialled by IP
 * address, because TLS has no server name for addresses (RFC 6066); the address is then checked against the certificate.
 */
export const CONTROLLER_NAME = "afterpatch-controller";

/** Largest gRPC message to the fleet port: a report of 4 MiB, twice, for a finished permit carries one as its proof. */
export const FLEET_MESSAGE_BYTES = 8 * 1024 * 1024 + 64 * 1024;

/** Largest answer of the controller, to those who trust it: the plan of one host takes some 4 KiB, and there are thousands. */
export const ANSWER_BYTES = 256 * 1024 * 1024;

/** TLS 1.3 to a controller whose certificate was issued by `ca` and names `host`. */
export function clientCredentials(identity: ClientIdentity, host: string): grpc.ChannelCredentials {
  const context = createSecureContext({
    ca: identity.ca,
    ...(identity.cert === undefined ? {} : { cert: identity.cert }),
    ...(identity.key === undefined ? {} : { key: identity.key }),
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ecdhCurve: TLS_GROUPS,
  });
  const checkServerIdentity = (_name: string, peer: PeerCertificate) =>
    isIP(host) === 0 || new X509Certificate(peer.raw).checkIP(host) !== undefined
      ? undefined
      : new Error(`the controller's certificate does not name ${host}`);
  return grpc.ChannelCredentials.createFromSecureContext(context, { checkServerIdentity });
}

/** Options of a channel to the fleet port at `host`. Reconnecting and retrying are the caller's, in one place. */
export function fleetChannelOptions(host: string): grpc.ChannelOptions {
  return {
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.enable_retries": 0,
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": ANSWER_BYTES,
    "grpc.max_send_message_length": FLEET_MESSAGE_BYTES,
    ...(isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": CONTROLLER_NAME }),
  };
}

/** A client of the controller at `address`. Connects at the first call; close it when done. */
export function controllerClient({ host, port }: Address, identity: ClientIdentity): grpc.Client {
  const version = isIP(host);
  const target =
    version === 0 ? `dns:${host}:${port}` : version === 4 ? `ipv4:${host}:${port}` : `ipv6:[${host}]:${port}`;
  return new grpc.Client(target, clientCredentials(identity, host), fleetChannelOptions(host));
}
