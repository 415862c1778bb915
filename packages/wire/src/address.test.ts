import { expect, test } from "vitest";
import { formatAddress, parseAddress, parseAddressOr } from "./address.ts";

test.each([
  ["ctl.example.net:7444", { host: "ctl.example.net", port: 7444 }],
  ["localhost:1", { host: "localhost", port: 1 }],
  ["192.0.2.1:7443", { host: "192.0.2.1", port: 7443 }],
  ["[2001:db8::1]:7443", { host: "2001:db8::1", port: 7443 }],
])("%s is an address, and is written the same", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

test.each([
  "ctl.example.net",
  ":7443",
  "host:0",
  "host:65536",
  "host:7443x",
  "2001:db8::1:7443",
  "[192.0.2.1]:7443",
  "[::g]:7443",
  "192.0.2.256:7443",
  "-a:1",
  "a..b:1",
  "https://ctl:7443",
  "a b:1",
])("%s is no address", (text) => expect(parseAddress(text)).toBeNull());

test.each([
  ["ctl.example.net", "ctl.example.net:7444"],
  ["ctl.example.net:1", "ctl.example.net:1"],
  ["2001:db8::1", "[2001:db8::1]:7444"],
  ["192.0.2.1", "192.0.2.1:7444"],
])("%s may leave its port out", (text, written) => {
  const address = parseAddressOr(text, 7444);
  expect(address && formatAddress(address)).toBe(written);
});

test.each(["", "a:b", "ctl:", "https://ctl", "a b"])("'%s' is no address without a port either", (text) =>
  expect(parseAddressOr(text, 7444)).toBeNull(),
);
