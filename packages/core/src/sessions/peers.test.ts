import { expect, test } from "vitest";
import { type Connection, findConnections } from "./peers.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const line = (local: string, remote: string, state: string, inode: string) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

function found(table: string): readonly Connection[] {
  const connections = new Map<string, Connection>();
  findConnections(HEAD + table, "tcp", new Set(["42"]), true, connections);
  return [...connections.values()];
}

test.each([
  ["an IPv4 session", line("0100007F:008F", "0501A8C0:C350", "01", "42"), ["127.0.0.1", 143, "192.168.1.5", 50000]],
  [
    "an IPv4 client of a dual-stack server",
    line("0000000000000000FFFF00000100007F:008F", "0000000000000000FFFF00000501A8C0:C350", "01", "42"),
    ["127.0.0.1", 143, "192.168.1.5", 50000],
  ],
])("%s", (_name, table, [localAddress, localPort, remoteAddress, remotePort]) => {
  expect(found(table)).toEqual([{ protocol: "tcp", localAddress, localPort, remoteAddress, remotePort }]);
});

test.each([
  ["a socket that listens", line("0100007F:008F", "00000000:0000", "0A", "42")],
  ["somebody else's", line("0100007F:008F", "0501A8C0:C350", "01", "43")],
  ["a line cut off", "   0: 0100007F:008F 0501"],
  ["no address", line("0100007X:008F", "0501A8C0:C350", "01", "42")],
  ["a port that is none", line("0100007F:8F", "0501A8C0:C350", "01", "42")],
  ["nothing", ""],
])("no connection: %s", (_name, table) => expect(found(table)).toEqual([]));
