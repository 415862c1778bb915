import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { visible } from "@afterpatch/core/text";
import { type Address, formatAddress } from "@afterpatch/wire/address";
import { CONTROLLER_NAME, TLS_GROUPS } from "@afterpatch/wire/credentials";
import { pinOf } from "@afterpatch/wire/pem";
import { EnrollError } from "./error.ts";

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/**
 * The root of the controller at `address`, as PEM, when it is the one that the token pins. Only certificates cross the
 * connection: a token's secret is sent later, to a server that this root vouches for.
 */
export async function trustedRoot(address: Address, pin: string, now: number, timeoutMs: number): Promise<string> {
  const { own, root } = await presented(address, timeoutMs);
  const where = formatAddress(address);
  const isRoot = root?.ca && root.checkIssued(root) && root.verify(root.publicKey);
  if (!root || !isRoot || pinOf(root) !== pin) throw wrongCa(where);
  if (!own.checkIssued(root) || !own.verify(root.publicKey)) throw wrongCa(where);
  checkDates(where, own, now);
  checkDates(where, root, now);
  const { host } = address;
  if ((isIP(host) === 0 ? own.checkHost(host) : own.checkIP(host)) === undefined) {
    const names = own.subjectAltName ?? "nothing";
    const todo = "dial one of these, or make the controller with this --name";
    throw new EnrollError("bad-certificate", where, `the controller's certificate names ${names}, not ${host}`, todo);
  }
  if (own.ca || !own.keyUsage?.includes(SERVER_AUTH)) {
    throw new EnrollError("bad-certificate", where, "its certificate is not a controller's", "check --controller");
  }
  return root.toString();
}

function wrongCa(where: string): EnrollError {
  const why = "wrong CA: its CA is not the one that the token was made for";
  return new EnrollError("wrong-ca", where, why, "check --controller and the token, nothing was sent");
}

function checkDates(where: string, certificate: X509Certificate, now: number): void {
  const clock = `this host's clock says ${new Date(now).toISOString()}`;
  if (now < certificate.validFromDate.getTime()) {
    const from = certificate.validFromDate.toISOString();
    throw new EnrollError("clock", where, `certificate is valid from ${from} and ${clock}`, "correct the clock");
  }
  if (now > certificate.validToDate.getTime()) {
    const to = certificate.validToDate.toISOString();
    const todo = "correct the clock, or restart the controller, which renews it";
    throw new EnrollError("clock", where, `certificate expired at ${to} and ${clock}`, todo);
  }
}

interface Presented {
  readonly own: X509Certificate;
  /** The issuer as sent by the server. */
  readonly root: X509Certificate | undefined;
}

/** What the server shows, unverified. */
function presented(address: Address, timeoutMs: number): Promise<Presented> {
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
      if (shown) resolve(shown);
      socket.destroy();
    });
    socket.once("close", () => clearTimeout(timer));
  });
}

function shownBy(socket: TLSSocket): Presented | null {
  const own = socket.getPeerX509Certificate();
  return own ? { own, root: own.issuerCertificate } : null;
}

/** The controller cannot be reached, in words for the person at this host. */
export function unreachable(address: Address, cause: Error): EnrollError {
  if (isCertificateWanted(cause)) {
    const todo = "give the address of its enrol port, 7444 by default";
    return new EnrollError("unreachable", formatAddress(address), "this is the controller's fleet port", todo, {
      cause,
    });
  }
  const why = "code" in cause && cause.code === "ECONNREFUSED" ? "nothing listens there" : reasonOf(cause);
  const todo = "check --controller (its enrol port, 7444 by default), the network and that it runs";
  const what = formatAddress(address);
  return new EnrollError("unreachable", what, `controller cannot be reached: ${why}`, todo, { cause });
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
