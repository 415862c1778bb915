import { createHash, type KeyObject, X509Certificate } from "node:crypto";

/** The certificates of a PEM text in their order; text between them is ignored. Throws when one is broken. */
export function certificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/** SHA-256 of a public key (SubjectPublicKeyInfo): what tokens pin and what identifies an enrolled key. */
export function spkiSha256(key: KeyObject): Buffer {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

/** The pin of a root as tokens carry it: base64url, 43 characters. */
export function pinOf(root: X509Certificate): string {
  return spkiSha256(root.publicKey).toString("base64url");
}
