/** What the tool does on its own about a unit, and why not more. `ask` and `never` both mean: not automatic. */
export interface RestartRule {
  readonly policy: "ask" | "never";
  /** Names without `.service`; a trailing `*` stands for the rest, an instance `x@y` is also matched by `x@`. */
  readonly units: readonly string[];
  readonly why: string;
}

/** Built in. An administrator's file may add to it and never takes away from it. First match counts. */
export const RESTART_RULES: readonly RestartRule[] = [
  {
    policy: "never",
    units: ["dbus", "dbus-broker", "dbus-daemon"],
    why: "every client of the message bus would lose it, logins included; reboot in a window instead",
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
    policy: "never",
    units: ["afterpatch-agent"],
    why: "the agent cannot replace itself while it works; restart it by hand, last of all: systemctl restart afterpatch-agent.service",
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
      "openvpn*",
      "wg-quick@",
      "strongswan*",
      "ipsec",
      "libreswan",
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
];

/** The rule for a service, or null: it may be restarted. */
export function restartRule(unit: string): RestartRule | null {
  const name = unit.endsWith(".service") ? unit.slice(0, -".service".length) : unit;
  return RESTART_RULES.find((rule) => rule.units.some((pattern) => matches(pattern, name))) ?? null;
}

function matches(pattern: string, name: string): boolean {
  if (pattern.endsWith("*")) return name.startsWith(pattern.slice(0, -1));
  return pattern.endsWith("@") ? name.startsWith(pattern) : name === pattern;
}
