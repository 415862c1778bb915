import { createHash, type KeyObject, X509Certificate } from "node:crypto";

/** The certificates of a PEM text in their order; text between them is ignored. Throws when one is broken. */
export function certificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * Whether the first certificate leads to `root` by those after it: each is signed by the next, at most two of them being
 * CAs. Dates are not looked at.
 */
export function leadsTo(chain: readonly X509Certificate[], root: X509Certificate): boolean {
  const [own, ...above] = chain;
  if (!own || own.ca) return false;
  let last = own;
  for (const issuer of [...above.slice(0, MOST_CAS), root]) {
    if (isIssuedBy(last, root)) return true;
    if (!issuer.ca || !isIssuedBy(last, issuer)) return false;
    last = issuer;
  }
  return false;
}

/** Below the root. */
const MOST_CAS = 1;

export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
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
