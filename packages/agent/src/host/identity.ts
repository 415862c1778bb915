import { hostname } from "node:os";
import { join } from "node:path";
import { textOfBytes } from "@afterpatch/core/text";
import { inventoryIn } from "./packages/inventory.ts";
import { readSmallFile } from "./read.ts";
import type { ScanOptions } from "./scan.ts";

/**
 * How this host calls itself: as it was enrolled, else by its host name and without an id. Reads no key. And what it
 * keeps from one scan to the next.
 */
export function whoIsThis(stateDir: string): Pick<ScanOptions, "hostId" | "name" | "inventory"> {
  const identity = parse(readSmallFile(join(stateDir, "identity", "identity.json")));
  const { hostId, name } = identity ?? {};
  const inventory = inventoryIn(stateDir);
  if (typeof hostId === "string" && typeof name === "string") return { hostId, name, inventory };
  return { hostId: null, name: hostname(), inventory };
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
