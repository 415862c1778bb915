import { isIP } from "node:net";
import { isAbsolute, normalize } from "node:path";
import { isName } from "@afterpatch/wire/address";

/** An address, or a name that resolves to one; null: neither. What else is wrong with it the system says. */
export function addressOf(text: string): string | null {
  const address = text.replace(/^\[(.*)\]$/, "$1");
  // A link-local address names its interface: fe80::1%eth0.
  return isIP(address) !== 0 || isName(address) ? address : null;
}

/** Rollouts name its programs with absolute paths. It need not be there. */
export function isHooksDir(text: string): boolean {
  return isAbsolute(text) && normalize(text) === text && !text.endsWith("/");
}
