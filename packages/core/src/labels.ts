import { echoed } from "./text.ts";

/** Labels of a host. */
export type Labels = Readonly<Record<string, string>>;

const KEY = /^[a-z][a-z0-9_.-]{0,62}$/;
const VALUE = /^[A-Za-z0-9][A-Za-z0-9_.@/+-]{0,126}$/;

/** Parses `key=value`, as typed after `--label`. */
export function parseLabel(
  text: string,
):
  | { readonly kind: "label"; readonly key: string; readonly value: string }
  | { readonly kind: "bad"; readonly why: string } {
  const at = text.indexOf("=");
  if (at < 0) return { kind: "bad", why: `${echoed(text)} is not KEY=VALUE` };
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  const why = badLabel(key, value);
  return why === null ? { kind: "label", key, value } : { kind: "bad", why };
}

/** What is wrong with a label; null when nothing is. */
export function badLabel(key: string, value: string): string | null {
  if (!KEY.test(key)) return `label key ${echoed(key)} must match [a-z][a-z0-9_.-]*`;
  if (!VALUE.test(value))
    return `value of label ${echoed(key)} must be letters, digits and _ . @ / + -, beginning with a letter or digit`;
  return null;
}

/** Whether `name` can be a host's name: letters, digits, `.`, `_` and `-`, as a DNS name or a shorter one; never `all`. */
export function isHostName(name: string): boolean {
  return name !== "all" && /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(name);
}
