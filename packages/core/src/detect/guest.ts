import type { ProcessFacts } from "../facts.ts";

/** QEMU's emulators of whole machines, by the names that distributions give them. */
const EMULATOR = /\/(?:qemu-system-[\w-]+|qemu-kvm|kvm)$/;

/**
 * The guest that an emulator runs, as `-name` calls it, qemu(1): `guest=NAME` of libvirt, or the name alone; the
 * emulator's own pid where it has none. Null: the process is no emulator. Whatever unit it is in: a restart of that would
 * be a power failure for the guest.
 */
export function guestOf({ executable, argv, pid }: ProcessFacts): string | null {
  if (!EMULATOR.test(executable)) return null;
  const at = argv.findIndex((word) => word === "-name" || word === "--name");
  const parts = at < 0 ? [] : (argv[at + 1] ?? "").split(/,(?!,)/);
  const named = parts.find((part) => part.startsWith("guest="))?.slice("guest=".length);
  const name = named ?? (parts[0]?.includes("=") ? undefined : parts[0]);
  return name === undefined || name === "" ? `pid ${pid}` : name;
}
