import "./issue.ts"; // readies @peculiar/x509
import { createPrivateKey, generateKeyPairSync, KeyObject, sign, webcrypto } from "node:crypto";
import { spkiSha256 } from "@afterpatch/wire/pem";
import * as x509 from "@peculiar/x509";
import { expect, test } from "vitest";
import { publicKeyOfRequest } from "./csr.ts";
import { newKey } from "./issue.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
const made = await x509.Pkcs10CertificateRequestGenerator.create({
  name: "CN=host",
  keys,
  signingAlgorithm: algorithm,
});
const request = Buffer.from(made.rawData);

test("the public key of an agent's request is taken", () => {
  const found = publicKeyOfRequest(request);
  expect(found && spkiSha256(found)).toEqual(spkiSha256(KeyObject.from(keys.publicKey)));
});

test("no request with a flipped bit is accepted", () => {
  const accepted: number[] = [];
  for (let bit = 0; bit < request.length * 8; bit++) {
    const mutant = Buffer.from(request);
    mutant.writeUInt8(mutant.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    if (publicKeyOfRequest(mutant)) accepted.push(bit);
  }
  expect(accepted).toEqual([]);
});

test.each([
  ["nothing", Buffer.alloc(0)],
  ["a byte too many", Buffer.concat([request, Buffer.from([0])])],
  ["a byte too few", request.subarray(0, -1)],
  ["more than 4 KiB", Buffer.concat([request, Buffer.alloc(4096)])],
  ["text", Buffer.from("-----BEGIN CERTIFICATE REQUEST-----")],
  ["a length that is not minimal", longLength(request)],
  ["a P-384 key", handMade("P-384")],
  ["an Ed25519 key", handMade("Ed25519")],
  ["a signature by another key", handMade("P-256", newKey().pem)],
])("%s is no request", (_name, der) => expect(publicKeyOfRequest(der)).toBeNull());

test("a request made by hand in the same way, with the right key, is one", () => {
  expect(publicKeyOfRequest(handMade("P-256"))).not.toBeNull();
});

/** The outer length in three bytes where two do. */
function longLength(der: Buffer): Buffer {
  const body = der.subarray(der.readUInt8(1) === 0x81 ? 3 : 4);
  return Buffer.concat([Buffer.from([0x30, 0x83, 0, body.length >> 8, body.length & 0xff]), body]);
}

function handMade(kind: "P-256" | "P-384" | "Ed25519", signingKey?: string): Buffer {
  const pair = kind === "Ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: kind });
  const spki = pair.publicKey.export({ type: "spki", format: "der" });
  const info = tlv(0x30, Buffer.from([2, 1, 0]), tlv(0x30), spki, tlv(0xa0));
  const signer = signingKey === undefined ? pair.privateKey : createPrivateKey(signingKey);
  const signature = sign(signer.asymmetricKeyType === "ed25519" ? null : "sha256", info, signer);
  const algorithm = Buffer.from("300a06082a8648ce3d040302", "hex");
  return tlv(0x30, info, algorithm, tlv(0x03, Buffer.from([0]), signature));
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length];
  if (body.length > 0xff) length.splice(0, 2, 0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
