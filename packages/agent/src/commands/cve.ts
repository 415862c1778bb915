import { usageError } from "@afterpatch/core/command-error";
import { cveId } from "@afterpatch/core/cve/id";
import { echoed } from "@afterpatch/core/text";

/** `--cve`, in upper case. Throws CommandError with exit code 5. */
export function cveOf(text: string): string {
  const id = cveId(text);
  if (id !== null) return id;
  throw usageError("--cve", `${echoed(text)} is no CVE id`, "write it like CVE-2026-28387");
}
