import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { visible } from "@afterpatch/core/text";
import { type Address, formatAddress } from "./address.ts";
import { CONTROLLER_NAME, TLS_GROUPS } from "./credentials.ts";
import { isIssuedBy, leadsTo, pinOf } from "./pem.ts";

/** Why whoever answers is not trusted, or that nobody does. */
export type TrustCode = "wrong-ca" | "bad-certificate" | "clock" | "unreachable";

export class TrustError extends Error {
  override readonly name = "TrustError";
  readonly code: TrustCode;
  readonly what: string;
  readonly why: string;
  readonly todo: string;
  constructor(code: TrustCode, what: string, why: string, todo: string, options?: ErrorOptions) {
    super(`${what}: ${why}; ${todo}`, options);
    this.code = code;
    this.what = what;
    this.why = why;
    this.todo = todo;
  }
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/**
 * The root of the controller at `address`, as PEM, when it is the one that the token pins. Only certificates cross the
 * connection: a token's secret is sent later, to a server that this root vouches for. Throws TrustError.
 */
export async function trustedRoot(address: Address, pin: string, now: number, timeoutMs: number): Promise<string> {
  const chain = await presented(address, timeoutMs);
  const where = formatAddress(address);
  const [own, root] = [chain[0], chain.at(-1)];
  if (!own || !root?.ca || !isIssuedBy(root, root) || pinOf(root) !== pin) throw wrongCa(where);
  if (!leadsTo(chain.slice(0, -1), root)) throw wrongCa(where);
  for (const certificate of chain) checkDates(where, certificate, now);
  const { host } = address;
  if ((isIP(host) === 0 ? own.checkHost(host) : own.checkIP(host)) === undefined) {
    const names = own.subjectAltName ?? "nothing";
    const todo = "dial one of these, or make the controller with this --name";
    throw new TrustError("bad-certificate", where, `the controller's certificate names ${names}, not ${host}`, todo);
  }
  if (own.ca || !own.keyUsage?.includes(SERVER_AUTH)) {
    throw new TrustError("bad-certificate", where, "its certificate is not a controller's", "check --controller");
  }
  return root.toString();
}

function wrongCa(where: string): TrustError {
  const why = "wrong CA: its CA is not the one that the token was made for";
  return new TrustError("wrong-ca", where, why, "check --controller and the token, nothing was sent");
}

function checkDates(where: string, certificate: X509Certificate, now: number): void {
  const clock = `this host's clock says ${new Date(now).toISOString()}`;
  if (now < certificate.validFromDate.getTime()) {
    const from = certificate.validFromDate.toISOString();
    throw new TrustError("clock", where, `certificate is valid from ${from} and ${clock}`, "correct the clock");
  }
  if (now > certificate.validToDate.getTime()) {
    const to = certificate.validToDate.toISOString();
    const todo = "correct the clock, or restart the controller, which renews it";
    throw new TrustError("clock", where, `certificate expired at ${to} and ${clock}`, todo);
  }
}

/** What the server shows, unverified: its own certificate first, the root last if it is there. */
function presented(address: Address, timeoutMs: number): Promise<readonly X509Certificate[]> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      servername: isIP(host) === 0 ? host : CONTROLLER_NAME,
      ALPNProtocols: ["h2"],
      minVersion: "TLSv1.3",
      ecdhCurve: TLS_GROUPS,
      rejectUnauthorized: false, // verified by the caller, against the pin
    });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    socket.once("error", (error) => reject(unreachable(address, error)));
    socket.once("close", () => reject(unreachable(address, new Error("the connection was closed"))));
    socket.once("secureConnect", () => {
      const shown = shownBy(socket);
      if (shown.length > 0) resolve(shown);
      socket.destroy();
    });
    socket.once("close", () => clearTimeout(timer));
  });
}

/** Own certificate, issuing CA, root, and no more than one that is too many. */
const MOST_SHOWN = 4;

function shownBy(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < MOST_SHOWN) {
    chain.push(next);
    next = next.checkIssued(next) ? undefined : next.issuerCertificate; // a root is its own issuer
  }
  return chain;
}

/** The controller cannot be reached, in words for the person at this host. */
export function unreachable(address: Address, cause: Error): TrustError {
  if (isCertificateWanted(cause)) {
    const todo = "give the address of its enrol port, 7444 by default";
    return new TrustError("unreachable", formatAddress(address), "this is the controller's fleet port", todo, {
      cause,
    });
  }
  const why = "code" in cause && cause.code === "ECONNREFUSED" ? "nothing listens there" : reasonOf(cause);
  const todo = "check --controller (its enrol port, 7444 by default), the network and that it runs";
  const what = formatAddress(address);
  return new TrustError("unreachable", what, `controller cannot be reached: ${why}`, todo, { cause });
}

/** A port that wants a client certificate: enrolment is for those who have none yet. */
function isCertificateWanted(cause: Error): boolean {
  return cause.message.includes("certificate required");
}

/** OpenSSL's errors carry a short reason beside a message with file and line. */
function reasonOf(error: Error): string {
  return "reason" in error && typeof error.reason === "string"
    ? `no TLS 1.3 there (${error.reason})`
    : visible(error.message);
}
