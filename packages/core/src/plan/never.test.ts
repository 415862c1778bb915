import { expect, test } from "vitest";
import { restartRule } from "./never.ts";

test.each([
  ["dbus.service", "never"],
  ["getty@tty1.service", "never"],
  ["user@1000.service", "never"],
  ["gdm3.service", "never"],
  ["apt-daily-upgrade.service", "never"],
  ["afterpatch-agent.service", "never"],
  ["systemd-logind.service", "ask"],
  ["NetworkManager.service", "ask"],
  ["NetworkManager-dispatcher.service", undefined],
  ["networking.service", "ask"],
  ["systemd-networkd.service", "ask"],
  ["docker.service", "ask"],
  ["containerd.service", "ask"],
  ["libvirtd.service", "ask"],
  ["systemd-nspawn@db.service", "ask"],
  ["ssh.service", undefined],
  ["nginx.service", undefined],
  ["systemd-journald.service", undefined],
  ["dbus-like.service", undefined],
  ["slimserver.service", undefined],
])("%s: %s", (unit, policy) => expect(restartRule(unit)?.policy).toBe(policy));
