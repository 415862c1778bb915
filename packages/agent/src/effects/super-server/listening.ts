import { canonicalAddress } from "@afterpatch/core/proc/address";
import type { NetSocket } from "@afterpatch/core/proc/net";
import { visible } from "@afterpatch/core/text";
import type { XinetdService } from "@afterpatch/core/xinetd/config";
import { processTable, procLink } from "../processes.ts";
import { isExecutable } from "../programs.ts";
import { openSockets, type SuperServer } from "./super-server.ts";

/** A service of the configuration that nobody serves. */
export interface Silent {
  readonly service: XinetdService;
  /** It was served before the restart. */
  readonly wasServed: boolean;
}

/**
 * Services that are on and for which `pids`, the new super-server, has no socket. One that was served on several
 * addresses (inetd has a socket for IPv4 and another for IPv6) is silent when one of them is missing.
 */
export function silentServices(
  { manager, open }: Pick<SuperServer, "manager" | "open">,
  pids: readonly number[],
  services: readonly XinetdService[],
): readonly Silent[] {
  const now = pids.flatMap(openSockets);
  return services
    .filter((service) => service.manager === manager && service.enabled && service.port !== null)
    .flatMap((service) => {
      const before = open.filter((socket) => isOf(service, socket));
      const isServed =
        now.some((socket) => isOf(service, socket)) && before.every((socket) => now.some(isLike(socket)));
      return isServed ? [] : [{ service, wasServed: before.length > 0 }];
    });
}

/** `imap (tcp 143, which pid 812, /usr/bin/other, holds)` */
export function namesOf(silent: readonly Silent[], own: readonly number[]): string {
  return silent
    .map(({ service: { id, protocol, port } }) => {
      const holder = [...processTable().keys()].find(
        (pid) =>
          !own.includes(pid) &&
          openSockets(pid).some((socket) => socket.protocol === protocol && socket.localPort === port),
      );
      const program = holder === undefined ? null : procLink(holder, "exe");
      const who = holder === undefined ? "" : `, which pid ${holder}, ${visible(program ?? "unknown")}, holds`;
      return `${visible(id)} (${protocol} ${port}${who})`;
    })
    .join(", ");
}

/**
 * The first of these services whose program is not there. Told to read its configuration xinetd gives such a service up:
 * it ends its sessions with KILL and closes its port; started anew, it does not serve it.
 */
export function missingServer(
  services: readonly XinetdService[],
): { readonly service: XinetdService; readonly path: string } | null {
  for (const service of services) {
    for (const path of [service.via, service.server]) {
      if (path?.startsWith("/") && !isExecutable(path)) return { service, path };
    }
  }
  return null;
}

export function isOf({ protocol, port, bind }: XinetdService, socket: NetSocket): boolean {
  if (protocol !== socket.protocol || port !== socket.localPort) return false;
  // `bind` may be a host name: then the port decides.
  const bound = bind === null ? null : canonicalAddress(bind);
  return bound === null || isAny(bound) || bound === socket.localAddress;
}

function isLike(a: NetSocket): (b: NetSocket) => boolean {
  return (b) => a.protocol === b.protocol && a.localPort === b.localPort && a.localAddress === b.localAddress;
}

function isAny(address: string): boolean {
  return address === "0.0.0.0" || /^0(?::0){7}$/.test(address);
}
