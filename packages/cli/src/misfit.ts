import { once } from "node:events";
import { isIP } from "node:net";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { type CommandError, usageError } from "@afterpatch/core/command-error";
import { someOf } from "@afterpatch/core/text";
import { formatAddress } from "@afterpatch/wire/address";
import { CONTROLLER_NAME, TLS_GROUPS } from "@afterpatch/wire/credentials";
import { type Credentials, GET_NEW } from "./credentials/read.ts";

const PATIENCE_MS = 10_000;

/**
 * What is wrong with the certificates, after a call failed; null when nothing is, or nobody answers. grpc-js tells no
 * more than that a connection ended, and in TLS 1.3 the refusal of our certificate is just such an end. So one more
 * connection is made by hand, and looked at. Nothing is sent on it.
 */
export async function misfit(credentials: Credentials): Promise<CommandError | null> {
  const { host, port } = credentials.address;
  const socket = connect({
    ...{ host, port, ca: credentials.ca, cert: credentials.cert, key: credentials.key },
    ...{ minVersion: "TLSv1.3", ecdhCurve: TLS_GROUPS, ALPNProtocols: ["h2"] },
    servername: isIP(host) === 0 ? host : CONTROLLER_NAME,
    // Judged below, where more can be said than that it is wrong.
    rejectUnauthorized: false,
  });
  const signal = AbortSignal.timeout(PATIENCE_MS);
  socket.on("error", () => undefined); // an end like any other
  try {
    await once(socket, "secureConnect", { signal });
    return wrongServer(socket, credentials) ?? (await wrongClient(socket, credentials, signal));
  } catch {
    return null; // no handshake: whatever it is, it is no certificate
  } finally {
    socket.destroy();
  }
}

function wrongServer(socket: TLSSocket, { directory, address }: Credentials): CommandError | null {
  const what = `controller ${formatAddress(address)}`;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return null;
  // `authorizationError` is OpenSSL's word for what it found first, see verify(1): the chain, then the dates.
  switch (socket.authorized ? "" : String(socket.authorizationError)) {
    case "":
      break;
    case "CERT_HAS_EXPIRED": {
      const why = `its certificate expired on ${certificate.validToDate.toISOString()}`;
      return usageError(what, why, "start the controller anew, which renews it, or check both clocks");
    }
    case "CERT_NOT_YET_VALID": {
      const why = `its certificate is valid from ${certificate.validFromDate.toISOString()} only`;
      return usageError(what, why, "check the clocks of both machines");
    }
    default: {
      const ca = join(directory, "ca.crt");
      const why = `its certificate was not issued by ${ca}: it is another controller, or something stands between`;
      return usageError(what, why, "check that --credentials and --controller belong together");
    }
  }
  const { host } = address;
  if (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) return null;
  const own = (certificate.subjectAltName ?? "").replaceAll(/(?:DNS|IP Address):/g, "").split(", ");
  const names = someOf(own.filter((name) => name !== CONTROLLER_NAME));
  return usageError(what, `its certificate is for ${names}, not for ${host}`, "call it by one of its names");
}

/** A server that lets us in begins with its HTTP/2 settings (RFC 9113, 3.4); one that does not ends the connection. */
async function wrongClient(socket: TLSSocket, { directory, address }: Credentials, signal: AbortSignal) {
  const isEnded = await new Promise<boolean>((resolve) => {
    socket.once("data", () => resolve(false));
    socket.once("close", () => resolve(true));
    signal.addEventListener("abort", () => resolve(false), { once: true });
  });
  if (!isEnded) return null;
  const why = `it does not let ${join(directory, "operator.crt")} in: it is of another controller, or was revoked`;
  return usageError(`controller ${formatAddress(address)}`, why, GET_NEW);
}
