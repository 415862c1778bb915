import { procAddress } from "./address.ts";

export interface NetSocket {
  readonly protocol: "tcp" | "udp";
  readonly localAddress: string;
  readonly localPort: number;
  readonly listening: boolean;
}

const TCP_LISTEN = "0A";

/**
 * Adds the sockets among `wanted` (inodes) of one table: /proc/PID/net/tcp, tcp6, udp or udp6. IPv4 sessions of a
 * dual-stack listener are in `tcp` when they were accepted by xinetd and in `tcp6` otherwise: read both.
 */
export function findSockets(
  table: string,
  protocol: "tcp" | "udp",
  wanted: ReadonlySet<string>,
  littleEndian: boolean,
  found: Map<string, NetSocket>,
): void {
  for (let start = table.indexOf("\n") + 1; start > 0 && start < table.length; ) {
    const newline = table.indexOf("\n", start);
    const end = newline < 0 ? table.length : newline;
    const fields = table.slice(start, end).trim().split(/ +/);
    start = end + 1;
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    const [, local = "", , state, , , , , , inode = ""] = fields;
    if (!wanted.has(inode)) continue;
    const [hexAddress = "", hexPort = ""] = local.split(":");
    const localAddress = procAddress(hexAddress, littleEndian);
    if (localAddress === null || !/^[0-9A-Fa-f]{4}$/.test(hexPort)) continue;
    const localPort = Number.parseInt(hexPort, 16);
    found.set(inode, { protocol, localAddress, localPort, listening: protocol === "tcp" && state === TCP_LISTEN });
  }
}

/** Inode of what /proc/PID/fd/N names, if it is a socket. */
export function socketInode(link: string): string | null {
  return /^socket:\[([0-9]+)\]$/.exec(link)?.[1] ?? null;
}
