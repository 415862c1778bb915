import { expect, test } from "vitest";
import { canonicalAddress, procAddress } from "./address.ts";
import { findSockets, type NetSocket, socketInode } from "./net.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const TCP = `${HEAD}   0: 0100007F:008F 0100007F:C486 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 20 4 30 10 -1\n`;
const TCP6 = `${HEAD}   0: 00000000000000000000000000000000:03E1 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 815 1 0 100 0 0 10 0\n   1: 0000000000000000FFFF00000100007F:03E1 0000000000000000FFFF00000100007F:C4A6 01 00000000:00000000 00:00000000 00000000     0        0 816 1\n`;

test("sessions and listeners of both families", () => {
  const found = new Map<string, NetSocket>();
  const wanted = new Set(["4711", "815", "816"]);
  findSockets(TCP, "tcp", wanted, true, found);
  findSockets(TCP6, "tcp", wanted, true, found);
  expect([...found]).toEqual([
    ["4711", { protocol: "tcp", localAddress: "127.0.0.1", localPort: 143, listening: false }],
    ["815", { protocol: "tcp", localAddress: "0:0:0:0:0:0:0:0", localPort: 993, listening: true }],
    ["816", { protocol: "tcp", localAddress: "127.0.0.1", localPort: 993, listening: false }],
  ]);
});

test("sockets nobody asked for are left out", () => {
  const found = new Map<string, NetSocket>();
  findSockets(TCP, "tcp", new Set(["1"]), true, found);
  expect(found.size).toBe(0);
});

test.each([
  ["socket:[4711]", "4711"],
  ["pipe:[4711]", null],
  ["/dev/null", null],
])("%s", (link, inode) => expect(socketInode(link)).toBe(inode));

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::1", "0:0:0:0:0:0:0:1"],
  ["2001:db8::A", "2001:db8:0:0:0:0:0:a"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["fe80::1%eth0", "fe80:0:0:0:0:0:0:1"],
  ["::", "0:0:0:0:0:0:0:0"],
  ["1:2:3:4:5:6:7:8:9", null],
  ["1::2::3", null],
  ["300.0.0.1", null],
  ["localhost", null],
])("address %s", (text, expected) => expect(canonicalAddress(text)).toBe(expected));

test.each([
  ["0100007F", true, "127.0.0.1"],
  ["7F000001", false, "127.0.0.1"],
  ["B80D0120000000000000000001000000", true, "2001:db8:0:0:0:0:0:1"],
  ["zz", true, null],
])("kernel's address %s, little-endian %s", (hex, little, expected) => expect(procAddress(hex, little)).toBe(expected));
