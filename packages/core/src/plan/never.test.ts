import { expect, test } from "vitest";
import { restartRule, userRestartRule } from "./never.ts";

test.each([
  ["dbus.service", "reboot"],
  ["dbus-broker.service", "reboot"],
  ["dbus", "reboot"],
  ["getty@tty1.service", "never"],
  ["user@1000.service", "never"],
  ["gdm3.service", "never"],
  ["apt-daily-upgrade.service", "never"],
  ["afterpatch-agent.service", undefined],
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

// What needrestart never restarts by itself: each is here as well, as never or on request.
test.each(
  `dbus gdm greetd kdm nodm sddm wdm xdm lightdm slim lxdm xrdp bird networking network NetworkManager ModemManager
  wpa_supplicant ifup@eth0 openvpn@client quagga frr tinc@vpn strongswan openswan libreswan bluetooth getty@tty1 user@1000
  usbguard zfs-fuse mythtv-backend xendomains lxc lxcfs libvirtd virtlogd virtlockd docker bacula-fd qrtr-ns rmtfs emergency
  rescue elogind apt-daily apt-daily-upgrade unattended-upgrades cron-daily rc-local systemd-logind systemd-nspawn@a
  cloud-init-local cloud-init cloud-config cloud-final`.split(/\s+/),
)("%s.service is not restarted by itself", (name) => expect(restartRule(`${name}.service`)).not.toBeNull());

test.each([
  ["dbus.service", "never"],
  ["gnome-shell@wayland.service", "never"],
  ["xdg-desktop-portal.service", "never"],
  ["app-firefox@1.service", "never"],
  ["pipewire.service", "never"],
  ["gpg-agent.service", "never"],
  ["syncthing.service", undefined],
  ["podman.service", undefined],
  ["application.service", undefined],
])("of a user: %s: %s", (unit, policy) => expect(userRestartRule(unit)?.policy).toBe(policy));
