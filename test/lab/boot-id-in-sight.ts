import { execOk, type Host } from "./host.ts";

/**
 * The lab tells each host its own boot id by a file over the one in /proc/sys. systemd shows a unit with one of these options
 * another /proc, in which it is this machine's. What the units are worth with them is shown by test/kernel, in a machine that
 * really boots.
 */
const IN_SIGHT = "[Service]\nProtectProc=default\nProtectKernelTunables=no\nProtectControlGroups=no\n";

/** To be called before the unit is started. */
export async function keepBootIdInSight(host: Host, unit: string): Promise<void> {
  const script = 'mkdir -p "/etc/systemd/system/$0.d"; cat >"/etc/systemd/system/$0.d/lab.conf"';
  await execOk(host, ["sh", "-euc", script, unit], { input: IN_SIGHT });
}
