import { procAddress } from "../proc/address.ts";

/** A connection, from this host's side. */
export interface Connection {
  readonly protocol: "tcp" | "udp";
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/**
 * Adds the connections among `wanted` (inodes of sockets) of one table: /proc/PID/net/tcp, tcp6, udp or udp6. A socket
 * without a peer, such as one that listens, is none.
 */
export function findConnections(
  table: string,
  protocol: "tcp" | "udp",
  wanted: ReadonlySet<string>,
  littleEndian: boolean,
  found: Map<string, Connection>,
): void {
  for (let start = table.indexOf("\n") + 1; start > 0 && start < table.length; ) {
    const newline = table.indexOf("\n", start);
    const end = newline < 0 ? table.length : newline;
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    const [, local = "", remote = "", , , , , , , inode = ""] = table.slice(start, end).trim().split(/ +/);
    start = end + 1;
    if (!wanted.has(inode)) continue;
    const here = endOf(local, littleEndian);
    const there = endOf(remote, littleEndian);
    if (here === null || there === null || there.port === 0) continue;
    found.set(inode, {
      protocol,
      localAddress: here.address,
      localPort: here.port,
      remoteAddress: there.address,
      remotePort: there.port,
    });
  }
}

function endOf(text: string, littleEndian: boolean): { readonly address: string; readonly port: number } | null {
  const [hexAddress = "", hexPort = ""] = text.split(":");
  const address = procAddress(hexAddress, littleEndian);
  return address === null || !/^[0-9A-Fa-f]{4}$/.test(hexPort) ? null : { address, port: Number.parseInt(hexPort, 16) };
}
