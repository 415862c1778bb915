import type { Kernel } from "./image.ts";
import type { Machine } from "./machine.ts";

/**
 * Has GRUB start this kernel once, without anybody being able to know before: it is chosen when the machine is going
 * down already, as another tool or a person at the console may. See grub-reboot(8), which GRUB itself undoes.
 */
export async function chooseLate(machine: Machine, { release }: Kernel): Promise<void> {
  const entry = `Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux ${release}`;
  const unit = `[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/usr/sbin/grub-reboot "${entry}"
`;
  const path = "/run/systemd/system/late-choice.service"; // gone with this boot
  await machine.execOk(["sh", "-ec", `mkdir -p "\${1%/*}"; cat >"$1"; systemctl start late-choice`, "sh", path], {
    input: unit,
  });
}
