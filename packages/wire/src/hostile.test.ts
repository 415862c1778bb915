import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick, hostile } from "../../../test/fakes/hostile.ts";
import { formatAddress, isName, parseAddress } from "./address.ts";
import { certificates } from "./pem.ts";
import { formatToken, parseToken } from "./token.ts";

const LONG = 60_000;
const TOKEN = `ap1.AbCdEfGhJk.${"s".repeat(43)}.${"p".repeat(43)}.1795374000`;

test(
  "tokens come back as they were written; what is read is one",
  () => {
    const word = (length: number) => fc.stringMatching(new RegExp(`^[A-Za-z0-9]{${length}}$`));
    const token = fc.record({
      id: word(10),
      secret: word(43),
      pin: word(43),
      expiresAt: fc.nat(99_999_999).map((seconds) => seconds * 1000),
    });
    fc.assert(
      fc.property(token, (one) => {
        expect(parseToken(formatToken(one))).toEqual(one);
      }),
    );
    fc.assert(
      fc.property(hostile(TOKEN), (text) => {
        const one = parseToken(text);
        if (one) expect(parseToken(formatToken(one))).toEqual(one);
      }),
    );
    expectQuick(parseToken, [TOKEN, "ap1.", " ", "a", ".", "\n"]);
  },
  LONG,
);

test(
  "addresses come back as they were written; what is read can be dialled",
  () => {
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().filter((ip) => !/[^0-9a-f:.]/i.test(ip)),
    );
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
        expect(parseAddress(formatAddress({ host: name, port }))).toEqual({ host: name, port });
      }),
    );
    fc.assert(
      fc.property(hostile("ctl.example.net:7444", "[2001:db8::1]:7443", "192.0.2.1:1"), (text) => {
        const address = parseAddress(text);
        if (address) expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
    expectQuick(parseAddress, ["a.", "a", "[", ":", "1", "[::", "-", " "]);
    expectQuick(isName, ["a.", "a", "1.", "-"]);
  },
  LONG,
);

test(
  "PEM: certificates, or an error; text without one is none",
  () => {
    const broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    fc.assert(
      fc.property(hostile(broken, broken.repeat(2)), (text) => {
        try {
          expect(certificates(text)).toEqual([]);
        } catch (error) {
          if (!/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(text)) throw error;
          expect(error).toHaveProperty("code", expect.stringMatching(/^ERR_OSSL/));
        }
      }),
    );
    expectQuick(certificates, [
      "-",
      "-----BEGIN CERTIFICATE-----",
      "-----BEGIN CERTIFICATE-----a",
      "-----BEGIN ",
      "\n",
    ]);
  },
  LONG,
);
