import type { SocketFacts } from "../facts.ts";
import { canonicalAddress } from "../proc/address.ts";
import type { XinetdService } from "./config.ts";

/** xinetd's own program: it is never a session because of standard input, and its listening sockets are no sessions. */
export function isXinetd(executable: string): boolean {
  return executable.endsWith("/xinetd");
}

/**
 * The service whose session holds these sockets, by the local end of standard input, which survives wrappers, scripts
 * and orphaning. Never by argv[0]: its meaning depends on the service's flags and the process can change it.
 */
export function serviceOfSockets(
  process: { readonly executable: string; readonly sockets: readonly SocketFacts[] },
  services: readonly XinetdService[],
): XinetdService | null {
  // A fork of xinetd itself (redirect, internal) has its connection anywhere; the listener's own sockets listen.
  const candidates = isXinetd(process.executable)
    ? process.sockets.filter(({ listening }) => !listening)
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
