import { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import { RpcError } from "@afterpatch/wire/rpc";
import * as grpc from "@grpc/grpc-js";
import { ROLES, type Role } from "../store/operators.ts";

/** Who is at the other end of a connection to the fleet port, as its certificate says. */
export type Peer =
  | { readonly kind: "host"; readonly id: string; readonly serial: string }
  | { readonly kind: "operator"; readonly name: string; readonly role: Role; readonly serial: string };

// Matched against the whole list of names, so that a certificate with a second name is nobody.
const HOST = /^URI:spiffe:\/\/afterpatch\/host\/([0-7][0-9A-HJKMNP-TV-Z]{25})$/;
const OPERATOR = /^URI:spiffe:\/\/afterpatch\/user\/([a-z0-9][a-z0-9._-]{0,62})$/;

/** The identity in a certificate (DER) whose chain TLS has verified; null when it has none of ours. */
export function identityOf(der: Uint8Array): Peer | null {
  const { subjectAltName = "", subject, serialNumber: serial } = new X509Certificate(der);
  const id = HOST.exec(subjectAltName)?.[1];
  if (id !== undefined) return { kind: "host", id, serial };
  const name = OPERATOR.exec(subjectAltName)?.[1];
  const role = ROLES.find((known) => subject === `CN=${name}\nOU=${known}`);
  return name === undefined || role === undefined ? null : { kind: "operator", name, role, serial };
}

/** The peer of a call on the fleet port. Handlers run only for peers that the table lets in. */
export function peerOf(call: {
  getAuthContext(): { readonly sslPeerCertificate?: PeerCertificate | undefined };
}): Peer {
  const der = call.getAuthContext().sslPeerCertificate?.raw;
  const peer = der ? identityOf(der) : null;
  if (!peer) throw new RpcError(grpc.status.UNAUTHENTICATED, "no-identity", "no certificate of a host or an operator");
  return peer;
}
