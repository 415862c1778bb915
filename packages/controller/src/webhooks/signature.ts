import { createHmac } from "node:crypto";

/**
 * Headers of one attempt to tell, after the Standard Webhooks specification 1.0 (standardwebhooks.com): one signature by
 * each secret, parted by blanks, so that a receiver that knows either believes it. `at`: of the attempt, epoch milliseconds.
 */
export function webhookHeaders(
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: string },
  secrets: readonly Uint8Array[],
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000));
  const told = { "webhook-id": id, "webhook-timestamp": timestamp };
  if (secrets.length === 0) return told;
  const sign = (secret: Uint8Array) =>
    createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { ...told, "webhook-signature": secrets.map((secret) => `v1,${sign(secret)}`).join(" ") };
}

const PREFIX = "whsec_";
/** The specification's bounds, bytes. */
const [LEAST, MOST] = [24, 64];

/** The bytes of `whsec_` and base64; null: it is none. */
export function secretOf(text: string): Uint8Array | null {
  const written = text.trim();
  if (!written.startsWith(PREFIX)) return null;
  const encoded = written.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, "base64");
  // Buffer passes over what is no base64.
  const isWhole = bytes.toString("base64").replace(/=+$/, "") === encoded.replace(/=+$/, "");
  return isWhole && bytes.length >= LEAST && bytes.length <= MOST ? bytes : null;
}
