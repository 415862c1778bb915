import { expect, test } from "vitest";
import { portsMissing } from "./ports.ts";

test.each([
  ["the same", ["tcp 22", "udp 53"], ["udp 53", "tcp 22"], []],
  ["one that is gone", ["tcp 22", "tcp 80"], ["tcp 22"], ["tcp 80"]],
  ["one more is no loss", ["tcp 22"], ["tcp 22", "tcp 80"], []],
  ["two sockets for IPv4 and IPv6 became one", ["tcp 22", "tcp 22"], ["tcp 22"], []],
  ["fewer ports of the kernel's choice", ["tcp dynamic", "tcp dynamic"], ["tcp dynamic"], ["tcp dynamic"]],
  ["the other protocol is another port", ["udp 53"], ["tcp 53"], ["udp 53"]],
])("%s", (_name, before, after, expected) => expect(portsMissing(before, after)).toEqual(expected));
