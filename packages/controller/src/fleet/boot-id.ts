import { readFileSync } from "node:fs";

/** Of the boot that this machine runs in, random(4), by which its own agent is known; null where it cannot be read. */
export function machineBootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null; // no /proc: nothing here is known to be an agent's host
  }
}
