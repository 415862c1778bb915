import { hostname } from "node:os";
import { join } from "node:path";
import { textOfBytes } from "@afterpatch/core/text";
import { readSmallFile } from "./read.ts";

/** How this host calls itself: as it was enrolled, else by its host name and without an id. Reads no key. */
export function whoIsThis(stateDir: string): { readonly hostId: string | null; readonly name: string } {
  const identity = parse(readSmallFile(join(stateDir, "identity", "identity.json")));
  const { hostId, name } = identity ?? {};
  return typeof hostId === "string" && typeof name === "string" ? { hostId, name } : { hostId: null, name: hostname() };
}

function parse(json: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(textOfBytes(json ?? "null"));
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null; // `run` and `enroll` say what is wrong with it; a scan needs no identity
    throw error;
  }
}
