import { hasRange, unfoldName } from "../fleet/ranges.ts";
import { echoed } from "../text.ts";

export type HostNames =
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "invalid"; readonly why: string };

/** `web[01:50].example.net:22` of an inventory as names; the port is checked and dropped. */
export function hostNames(text: string): HostNames {
  const host = withoutPort(text);
  if (host.endsWith(":") && !host.endsWith("::")) return invalid(text, "a ':' at the end has no port behind it");
  const expanded = hasRange(host) ? unfoldName(host) : { kind: "names" as const, names: [host] };
  if (expanded.kind === "invalid") return invalid(text, expanded.why);
  const wrong = expanded.names.find((name) => !isName(name));
  return wrong === undefined ? expanded : invalid(text, "is no host name, address or range such as web[01:50]");
}

/** `name:22`, `[2001:db8::5]:22`; a bare IPv6 address has no port. */
function withoutPort(text: string): string {
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::[0-9]+)?$/.exec(text)?.[1];
  if (bracketed !== undefined && (bracketed.match(/:/g) ?? []).length > 1) return bracketed;
  return /^((?:[^:[\]]|\[[^\]]*\])+):[0-9]+$/.exec(text)?.[1] ?? text;
}

/** Letters of any script, digits, `_`, `-` and `.`; or an IPv6 address. */
function isName(name: string): boolean {
  if (name === "---") return false;
  return (
    /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,252}$/u.test(name) || (/^[0-9a-fA-F:.]+$/.test(name) && name.split(":").length > 2)
  );
}

function invalid(text: string, why: string): HostNames {
  return { kind: "invalid", why: `${echoed(text)}: ${why}` };
}
