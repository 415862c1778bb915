import { parseRamp } from "@afterpatch/core/fleet/ramp";
import { parseLabel } from "@afterpatch/core/labels";
import { echoed } from "@afterpatch/core/text";
import { usageError } from "@afterpatch/core/command-error";

/** `--label k=v`, given any number of times. */
export function labelsOf(texts: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const label = parseLabel(text);
    if (label.kind === "bad")
      throw usageError("--label", label.why, "write key=value, the key in lower case: role=web");
    const { key, value } = label;
    if (Object.hasOwn(labels, key)) throw usageError("--label", `${echoed(key)} is given twice`, "give each key once");
    labels[key] = value;
  }
  return labels;
}

/** `--serial`, checked here so that a typing error costs no scan of the fleet. */
export function serialOf(text: string): string {
  const parsed = parseRamp(text);
  if (parsed.kind === "ramp") return text;
  const [why = "", todo = "write numbers of hosts or percentages: 1,25%"] = parsed.why.split("; ", 2);
  throw usageError("--serial", why, todo);
}
