import { createHash } from "node:crypto";

const DOMAIN = "afterpatch readmit v1";

/** What the key of a certificate that has ended signs, so that another certificate takes its place. */
export function readmissionText(csr: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(DOMAIN), createHash("sha256").update(csr).digest()]);
}
