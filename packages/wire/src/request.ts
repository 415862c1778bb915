import "reflect-metadata"; // before @peculiar/x509, which needs it while it loads
import { createPrivateKey, generateKeyPairSync, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

/** A new P-256 private key, PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A PKCS#10 request, DER, that proves possession of the key. The controller takes nothing else from it. */
export async function certificateRequest(keyPem: string): Promise<Uint8Array> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const jwk = createPrivateKey(keyPem).export({ format: "jwk" });
  const { d: _private, ...publicJwk } = jwk;
  const keys = {
    privateKey: await webcrypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("jwk", publicJwk, algorithm, true, ["verify"]),
  };
  const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=afterpatch",
    keys,
    signingAlgorithm,
  });
  return new Uint8Array(request.rawData);
}
