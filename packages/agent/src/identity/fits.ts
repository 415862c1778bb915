import { createPrivateKey, X509Certificate } from "node:crypto";
import { certificates, leadsTo } from "@afterpatch/wire/pem";

/** Whether a certificate is one of the CA `ca` for this host and this key. All are PEM. */
export function fitsHost(certificate: string, hostId: string, ca: string, key: string): boolean {
  try {
    const chain = certificates(certificate);
    const [own] = chain;
    const isOurs = own?.checkPrivateKey(createPrivateKey(key)) && leadsTo(chain, new X509Certificate(ca));
    return isOurs === true && own?.subjectAltName === `URI:spiffe://afterpatch/host/${hostId}`;
  } catch {
    return false; // no certificate at all
  }
}
