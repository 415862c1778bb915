import { expect, test } from "vitest";
import { formatToken, parseToken } from "./token.ts";

const SECRET = "s".repeat(43);
const PIN = "p".repeat(43);
const TEXT = `ap1.AbCdEfGhJk.${SECRET}.${PIN}.1795374000`;
const TOKEN = { id: "AbCdEfGhJk", secret: SECRET, pin: PIN, expiresAt: 1_795_374_000_000 };

test("a token is written and read back", () => {
  expect(formatToken(TOKEN)).toBe(TEXT);
  expect(parseToken(TEXT)).toEqual(TOKEN);
  expect(parseToken(` ${TEXT}\n`)).toEqual(TOKEN);
});

test.each([
  ["empty", ""],
  ["two tokens", `${TEXT}\n${TEXT}`],
  ["another version", TEXT.replace("ap1", "ap2")],
  ["a short id", TEXT.replace("AbCd", "Abd")],
  ["a short secret", TEXT.replace("ss", "s")],
  ["a long pin", TEXT.replace("pp", "ppp")],
  ["no expiry", TEXT.replace(/[0-9]+$/, "")],
  ["something behind it", `${TEXT}.x`],
  ["an expiry no clock reaches", `${TEXT}0000`],
])("%s is no token", (_name, text) => expect(parseToken(text)).toBeNull());
