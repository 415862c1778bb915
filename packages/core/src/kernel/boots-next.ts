import type { LoaderFacts } from "./facts.ts";
import { grubNext } from "./grub.ts";
import { legacyNext } from "./grub-legacy.ts";
import { type NextBoot, unknown } from "./next-boot.ts";
import { systemdBootNext } from "./systemd-boot.ts";

/** What will be started when this machine is started again. */
export function bootsNext({ grub, entries, legacy, variables }: LoaderFacts): NextBoot {
  const isSystemdBoot = variables?.LoaderInfo?.startsWith("systemd-boot") ?? false;
  if (isSystemdBoot) {
    return entries ? systemdBootNext(entries, variables) : unknown("systemd-boot has no entries that could be read");
  }
  if (grub) return grubNext(grub, entries);
  // Only its own file tells that systemd-boot is in use: entries alone may be anyone's.
  if (entries && entries.config !== null) return systemdBootNext(entries, variables);
  return legacy ? legacyNext(legacy) : unknown("no boot loader's configuration could be read");
}
