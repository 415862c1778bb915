import { isIP } from "node:net";

/** Where something listens. `host` is a DNS name or an IP address without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** As `parseAddress`, where the port may be left out. */
export function parseAddressOr(text: string, port: number): Address | null {
  const bare = text.trim();
  return parseAddress(bare) ?? parseAddress(`${isIP(bare) === 6 ? `[${bare}]` : bare}:${port}`);
}

/** Parses `HOST:PORT` or `[IPV6]:PORT`; null when it is neither. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65535 || !isHost(host, match[1] !== undefined)) return null;
  return { host, port };
}

function isHost(host: string, bracketed: boolean): boolean {
  return bracketed ? isIP(host) === 6 : isName(host);
}

/** Whether `text` is an IPv4 address or a DNS name (RFC 1123). */
export function isName(text: string): boolean {
  if (isIP(text) === 4) return true;
  if (/^[0-9.]+$/.test(text)) return false; // a mistyped address, not a name
  return text.length <= 253 && text.split(".").every((part) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(part));
}

export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
