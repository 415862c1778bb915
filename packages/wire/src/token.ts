/** A join token: everything an agent needs but its name and the controller's address. */
export interface JoinToken {
  /** 10 characters; public. */
  readonly id: string;
  /** 256 bits, base64url; the controller keeps its SHA-256 alone. */
  readonly secret: string;
  /** SHA-256 of the root's public key, base64url; the secret is sent to nobody else. */
  readonly pin: string;
  /** Epoch milliseconds, whole seconds. */
  readonly expiresAt: number;
}

const PATTERN = /^ap1\.([A-Za-z0-9]{10})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([0-9]{1,11})$/;

/** `ap1.ID.SECRET.PIN.EXPIRY`, the content of a token file. */
export function formatToken(token: JoinToken): string {
  return `ap1.${token.id}.${token.secret}.${token.pin}.${Math.floor(token.expiresAt / 1000)}`;
}

/** The token in the text of a token file; null when it is none. Surrounding white space is allowed. */
export function parseToken(text: string): JoinToken | null {
  const match = PATTERN.exec(text.trim());
  if (!match) return null;
  const [, id = "", secret = "", pin = "", expiry = ""] = match;
  return { id, secret, pin, expiresAt: Number(expiry) * 1000 };
}
