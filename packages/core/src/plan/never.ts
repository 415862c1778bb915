/** What the tool does on its own about a unit, and why not more. `ask` and `never` both mean: not automatic. */
export interface RestartRule {
  /** `reboot`: never restarted, and a reboot is the smallest remedy there is. */
  readonly policy: "ask" | "never" | "reboot";
  /** Names without `.service`; a trailing `*` stands for the rest, an instance `x@y` is also matched by `x@`. */
  readonly units: readonly string[];
  readonly why: string;
}

/** Built in. An administrator's file may add to it and never takes away from it. First match counts. */
export const RESTART_RULES: readonly RestartRule[] = [
  {
    policy: "reboot",
    units: ["dbus", "dbus-broker", "dbus-daemon"],
    why: "every client of the message bus would lose it, logins included",
  },
  {
    policy: "never",
    units: [
      "display-manager",
      "gdm",
      "gdm3",
      "lightdm",
      "sddm",
      "kdm",
      "xdm",
      "wdm",
      "slim",
      "lxdm",
      "nodm",
      "greetd",
      "xrdp*",
    ],
    why: "a restart ends every graphical session; restart it when nobody is logged in",
  },
  {
    policy: "never",
    units: ["getty@", "serial-getty@", "console-getty", "container-getty@", "autovt@"],
    why: "a restart logs out whoever uses that terminal; it is replaced at the next log-out",
  },
  {
    policy: "never",
    units: ["user@", "user-runtime-dir@"],
    why: "a restart ends everything this user runs; it is replaced when the user logs out",
  },
  {
    policy: "never",
    units: [
      "apt-daily*",
      "unattended-upgrades",
      "packagekit",
      "dnf-automatic*",
      "cron-*",
      "cloud-init*",
      "cloud-config",
      "cloud-final",
      "rc-local",
      "emergency",
      "rescue",
    ],
    why: "it runs because of an upgrade or only at boot; a restart would repeat or break its work",
  },
  {
    policy: "ask",
    units: ["systemd-logind", "elogind"],
    why: "graphical sessions may lose their devices",
  },
  {
    policy: "ask",
    units: [
      "NetworkManager",
      "systemd-networkd",
      "networking",
      "network*",
      "ifup@",
      "wpa_supplicant*",
      "ModemManager",
      "dhcpcd*",
      "bluetooth",
      "qrtr-ns",
      "rmtfs",
      "openvpn*",
      "wg-quick@",
      "strongswan*",
      "ipsec",
      "libreswan",
      "openswan",
      "tinc*",
      "firewalld",
      "nftables",
      "frr",
      "bird*",
      "quagga",
      "zebra",
      "bgpd",
      "ospfd",
      "keepalived",
    ],
    why: "a restart can cut this host off the network",
  },
  {
    policy: "ask",
    units: ["docker", "containerd", "crio", "cri-o", "podman", "kubelet", "k3s*", "lxc*", "lxd*", "incus*"],
    why: "a restart can stop the containers it runs",
  },
  {
    policy: "ask",
    units: [
      "libvirtd",
      "libvirt*",
      "virtqemud",
      "virtlogd",
      "virtlockd",
      "qemu*",
      "systemd-nspawn@",
      "systemd-machined",
      "xen*",
    ],
    why: "a restart can stop the virtual machines it runs",
  },
  {
    policy: "ask",
    units: ["iscsid", "open-iscsi", "multipathd", "zfs*", "pacemaker", "corosync", "glusterd", "ceph-*"],
    why: "a restart can take storage or the cluster's membership away",
  },
  {
    policy: "ask",
    units: ["usbguard", "mythtv-backend", "bacula-*"],
    why: "a restart interrupts what it is in the middle of: a device's approval, a recording, a backup",
  },
];

/** The same for services of users' own managers. */
export const USER_RESTART_RULES: readonly RestartRule[] = [
  {
    policy: "never",
    units: ["dbus", "dbus-broker", "dbus-daemon", "dbus-:*", "dbus\\x2d:*"],
    why: "every program of the user's session talks over this message bus and would lose it",
  },
  {
    policy: "never",
    units: [
      "gnome-*",
      "gdm*",
      "gsd-*",
      "org.gnome.*",
      "plasma-*",
      "kde*",
      "app-*",
      "xfce*",
      "lxqt-*",
      "cinnamon*",
      "mate-*",
      "sway*",
      "hyprland*",
      "wayfire*",
      "niri*",
      "weston*",
      "wayland-*",
      "xdg-*",
      "graphical-session*",
      "at-spi*",
      "gvfs-*",
      "ibus*",
      "fcitx*",
      "tracker-*",
      "evolution-*",
    ],
    why: "it is part of the user's graphical session; it is replaced when they log out and in again",
  },
  {
    policy: "never",
    units: ["pipewire*", "wireplumber*", "pulseaudio*"],
    why: "a restart cuts off the sound and video of whoever is logged in",
  },
  {
    policy: "never",
    units: ["gpg-agent*", "ssh-agent*", "gcr-ssh-agent*", "gnome-keyring*", "keyring*", "tmux*", "screen*", "emacs*"],
    why: "it holds keys, terminals or texts that a restart would lose",
  },
];

/** The rule for a service of the host, or null: it may be restarted. */
export function restartRule(unit: string): RestartRule | null {
  return ruleIn(RESTART_RULES, unit);
}

/** The rule for a service of a user's own manager. */
export function userRestartRule(unit: string): RestartRule | null {
  return ruleIn(USER_RESTART_RULES, unit);
}

function ruleIn(rules: readonly RestartRule[], unit: string): RestartRule | null {
  const name = unit.endsWith(".service") ? unit.slice(0, -".service".length) : unit;
  return rules.find((rule) => rule.units.some((pattern) => matches(pattern, name))) ?? null;
}

function matches(pattern: string, name: string): boolean {
  if (pattern.endsWith("*")) return name.startsWith(pattern.slice(0, -1));
  return pattern.endsWith("@") ? name.startsWith(pattern) : name === pattern;
}
