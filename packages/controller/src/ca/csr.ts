import { createPublicKey, type KeyObject, verify } from "node:crypto";

const MAX_BYTES = 4096;
// SubjectPublicKeyInfo of an uncompressed P-256 point up to the point itself (RFC 5480).
const P256_PREFIX = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const P256_BYTES = P256_PREFIX.length + 65;
// AlgorithmIdentifier ecdsa-with-SHA256 (RFC 5758).
const ECDSA_SHA256 = Buffer.from("300a06082a8648ce3d040302", "hex");
const [SEQUENCE, INTEGER, BIT_STRING] = [0x30, 0x02, 0x03];

/**
 * The public key of a PKCS#10 request (RFC 2986) whose sender proved to hold the private key; null for anything else.
 * Subject and attributes are ignored. Strict where libraries are lenient: minimal DER, no bytes left over, P-256 alone.
 */
export function publicKeyOfRequest(der: Uint8Array): KeyObject | null {
  if (der.length > MAX_BYTES) return null;
  try {
    const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
    const [outer] = elements(bytes, [SEQUENCE]);
    const [info, algorithm, signature] = elements(outer.body, [SEQUENCE, SEQUENCE, BIT_STRING]);
    if (!algorithm.whole.equals(ECDSA_SHA256) || signature.body[0] !== 0) return null;
    const [version, , spki] = elements(info.body, [INTEGER, SEQUENCE, SEQUENCE, 0xa0]);
    if (!version.whole.equals(Buffer.from([INTEGER, 1, 0]))) return null;
    if (spki.whole.length !== P256_BYTES || !spki.whole.subarray(0, P256_PREFIX.length).equals(P256_PREFIX))
      return null;
    const key = createPublicKey({ key: spki.whole, format: "der", type: "spki" });
    const proven = verify("sha256", info.whole, { key, dsaEncoding: "der" }, signature.body.subarray(1));
    return proven ? key : null;
  } catch {
    return null; // broken DER or a point that is not on the curve: not a request, whatever else it is
  }
}

interface Element {
  readonly whole: Buffer;
  readonly body: Buffer;
}

/** Splits `bytes` into exactly these elements. */
function elements<const T extends readonly number[]>(bytes: Buffer, tags: T): { [K in keyof T]: Element } {
  let at = 0;
  const found = tags.map((tag) => {
    const element = elementAt(bytes, at, tag);
    at += element.whole.length;
    return element;
  });
  if (at !== bytes.length) throw new Error("bytes left over");
  return found as { [K in keyof T]: Element }; // one per tag, made above
}

function elementAt(bytes: Buffer, at: number, tag: number): Element {
  if (bytes[at] !== tag) throw new Error(`tag ${tag} expected`);
  const first = bytes.readUInt8(at + 1);
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (lengthBytes > 2 || first === 0x80) throw new Error("bad length");
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  if (lengthBytes === 1 && length < 0x80) throw new Error("length not minimal");
  if (lengthBytes === 2 && length < 0x100) throw new Error("length not minimal");
  const start = at + 2 + lengthBytes;
  if (start + length > bytes.length) throw new Error("truncated");
  return { whole: bytes.subarray(at, start + length), body: bytes.subarray(start, start + length) };
}
