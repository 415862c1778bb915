import { constants } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import tls from "node:tls";
import { TLS_GROUPS } from "@afterpatch/wire/credentials";
import * as grpc from "@grpc/grpc-js";
import type { ServerIdentity } from "../ca/authority.ts";
import type { Log } from "../ports.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { bindFailure } from "./bind-failure.ts";
import type { Peer } from "./peer.ts";

const HANDSHAKE_MS = 5_000;
const BACKLOG = 4_096;

export interface ListenerOptions {
  /** For people: `fleet` or `enrol`. */
  readonly name: string;
  /** All addresses when undefined. */
  readonly address: string | undefined;
  /** 0: any free one. */
  readonly port: number;
  readonly identity: ServerIdentity;
  /** Whose client certificates are required; null: none are asked for. */
  readonly clientRoot: string | null;
  readonly admission: AdmissionLimits;
  readonly maxConnections: number;
  /** A connection is closed after so long, whatever it does. */
  readonly maxAgeMs: number | null;
  /** Judges a connection after its handshake; null refuses it. */
  readonly identify: (socket: tls.TLSSocket) => Promise<Peer | "anyone" | null>;
  readonly server: grpc.Server;
  readonly log: Log;
}

/** A TLS 1.3 port of ours: grpc-js never binds one, so that admission, revocation and renewal are decided here. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #net: Server;
  readonly #tls: tls.Server;
  readonly #admission: Admission;
  readonly #injector: grpc.ConnectionInjector;
  readonly #raw = new Set<Socket>();
  readonly #live = new Map<tls.TLSSocket, Peer | "anyone">();
  #refusals = 0;

  /** Binds and listens. Throws CommandError when the port cannot be had. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    await listener.#listen();
    return listener;
  }

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#injector = options.server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    this.#tls = tls.createServer(tlsOptions(options), (socket) => void this.#secured(socket));
    this.#tls.on("tlsClientError", (error, socket) => this.#refused(socket, reasonOf(error, socket)));
    this.#admission = new Admission(options.admission, (socket) => this.#tls.emit("connection", socket));
    this.#net = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, (socket) =>
      this.#accepted(socket),
    );
  }

  get port(): number {
    const address = this.#net.address();
    if (address === null || typeof address === "string") throw new Error("the listener is closed");
    return address.port;
  }

  /** Connections that were let in, of now, and those refused since it opened. */
  figures(): { readonly name: string; readonly live: number; readonly refused: number } {
    return { name: this.#options.name, live: this.#live.size, refused: this.#refusals };
  }

  /** Uses a new certificate for new connections. */
  renew(identity: ServerIdentity): void {
    this.#tls.setSecureContext(tlsOptions({ ...this.#options, identity }));
  }

  /** Ends the connections of a host or an operator at once, open streams included. */
  cut(isMeant: (peer: Peer) => boolean): void {
    for (const [socket, peer] of this.#live) {
      if (peer !== "anyone" && isMeant(peer)) socket.destroy();
    }
  }

  /** Stops accepting and ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    this.#admission.close();
    this.#injector.destroy();
    for (const socket of this.#raw) socket.destroy();
    await closed;
  }

  #listen(): Promise<void> {
    const { address: host, port, name } = this.#options;
    return new Promise((resolve, reject) => {
      const option = name === "fleet" ? "--port" : `--${name}-port`;
      this.#net.once("error", (error) => reject(bindFailure({ name, host, port, option }, error)));
      this.#net.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
        this.#net.removeAllListeners("error");
        this.#net.on("error", (err) => this.#options.log.error({ err, port: name }, "connection not accepted"));
        resolve();
      });
    });
  }

  #accepted(socket: Socket): void {
    socket.on("error", () => socket.destroy()); // a peer that resets is not our failure
    if (this.#raw.size >= this.#options.maxConnections) {
      this.#refusals++;
      socket.destroy();
      return;
    }
    this.#raw.add(socket);
    const { maxAgeMs } = this.#options;
    const timer = maxAgeMs === null ? undefined : setTimeout(() => socket.destroy(), maxAgeMs);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#raw.delete(socket);
    });
    this.#admission.offer(socket);
  }

  async #secured(socket: tls.TLSSocket): Promise<void> {
    socket.on("error", () => socket.destroy());
    const peer = await this.#options.identify(socket).catch((err: unknown) => {
      this.#options.log.error({ err }, "peer could not be judged");
      return null;
    });
    if (peer === null) this.#refused(socket, "certificate not let in");
    else if (!socket.destroyed) {
      this.#live.set(socket, peer);
      socket.once("close", () => this.#live.delete(socket));
      this.#injector.injectConnection(socket);
    }
  }

  #refused(socket: tls.TLSSocket, why: string): void {
    this.#refusals++;
    this.#options.log.warn({ port: this.#options.name, from: socket.remoteAddress, why }, "connection refused");
    socket.destroy();
  }
}

function tlsOptions(options: ListenerOptions): tls.TlsOptions {
  return {
    key: options.identity.key,
    cert: options.identity.chain,
    ...(options.clientRoot === null ? {} : { ca: options.clientRoot }),
    requestCert: options.clientRoot !== null,
    rejectUnauthorized: options.clientRoot !== null,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ecdhCurve: TLS_GROUPS,
    // A resumed session would skip the check of the client's certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: HANDSHAKE_MS,
    ALPNProtocols: ["h2"],
  };
}

/** Why a handshake failed: the verdict on the certificate if there is one, else OpenSSL's short reason. */
function reasonOf(error: Error, { authorizationError }: tls.TLSSocket): string {
  if (authorizationError) return String(authorizationError);
  return "reason" in error && typeof error.reason === "string" ? error.reason : error.message;
}
