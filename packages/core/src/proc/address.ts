/**
 * Normal form of an IP address: dotted IPv4, or eight IPv6 groups in hexadecimal without leading zeros;
 * IPv4-mapped addresses as IPv4. Null when `text` is no address.
 */
export function canonicalAddress(text: string): string | null {
  if (!text.includes(":")) return isDotted(text) ? text : null;
  let address = text.split("%", 1)[0] ?? "";
  const dotted = /^(.*:)((?:[0-9]+\.){3}[0-9]+)$/.exec(address);
  if (dotted) {
    const [, head = "", tail = ""] = dotted;
    if (!isDotted(tail)) return null;
    const [a = 0, b = 0, c = 0, d = 0] = tail.split(".").map(Number);
    address = `${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  }
  const halves = address.split("::");
  const [left = [], right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left.length - right.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return null;
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  return ofGroups(groups.map((group) => Number.parseInt(group, 16)));
}

/** Address of /proc/net/tcp and tcp6: 32-bit words, each in the byte order of the machine. */
export function procAddress(hex: string, littleEndian: boolean): string | null {
  if (!/^(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32})$/.test(hex)) return null;
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    const four = [0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(word + at, word + at + 2), 16));
    bytes.push(...(littleEndian ? four.reverse() : four));
  }
  if (bytes.length === 4) return bytes.join(".");
  return ofGroups(Array.from({ length: 8 }, (_, at) => (bytes[2 * at] ?? 0) * 256 + (bytes[2 * at + 1] ?? 0)));
}

function ofGroups(groups: readonly number[]): string {
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  return groups.map((group) => group.toString(16)).join(":");
}

function isDotted(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^[0-9]{1,3}$/.test(part) && Number(part) < 256);
}
