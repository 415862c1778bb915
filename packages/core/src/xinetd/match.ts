import type { SocketFacts } from "../facts.ts";
import { canonicalAddress } from "../proc/address.ts";
import type { XinetdService } from "./config.ts";

/** xinetd's own program. */
export function isXinetd(executable: string): boolean {
  return superServer(executable) === "xinetd";
}

/** Which super-server a program is, or null. Its listening sockets are no sessions. */
export function superServer(executable: string): XinetdService["manager"] | null {
  const name = executable.slice(executable.lastIndexOf("/") + 1);
  if (name === "xinetd") return "xinetd";
  return name === "inetd" || name === "inetutils-inetd" || name === "rlinetd" ? "inetd" : null;
}

/**
 * The service whose session holds these sockets, by the local end of standard input, which survives wrappers, scripts
 * and orphaning. Never by argv[0]: its meaning depends on the service's flags and the process can change it.
 */
export function serviceOfSockets(
  process: { readonly executable: string; readonly sockets: readonly SocketFacts[] },
  services: readonly XinetdService[],
): XinetdService | null {
  // A fork of the super-server itself (redirect, internal) has its connection anywhere, beside sockets it inherited.
  const candidates = superServer(process.executable)
    ? process.sockets.filter(({ listening, protocol }) => !listening && protocol === "tcp")
    : process.sockets.filter(({ fd }) => fd === 0);
  for (const socket of candidates) {
    const matching = services.filter((service) => fits(service, socket));
    const best = matching.find((s) => s.enabled && s.bind !== null) ?? matching.find((s) => s.enabled) ?? matching[0];
    if (best) return best;
  }
  return null;
}

function fits(service: XinetdService, socket: SocketFacts): boolean {
  if (service.port !== socket.localPort || service.protocol !== socket.protocol) return false;
  // `bind` may be a host name: then the port decides.
  const bound = service.bind === null ? null : canonicalAddress(service.bind);
  return bound === null || isAny(bound) || bound === socket.localAddress;
}

function isAny(address: string): boolean {
  return address === "0.0.0.0" || /^0(?::0){7}$/.test(address);
}
