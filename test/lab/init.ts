/** What a host runs as PID 1, and how it is talked to. */
export interface InitWays {
  /** A file below the host's root: there once PID 1 takes commands. */
  readonly door: string;
  /** Prints `running` or `degraded` once all that is started at boot was started. */
  readonly state: readonly string[];
  readonly reboot: readonly string[];
  /** Installed over the base image; `NAME-` is removed from it. */
  readonly packages: readonly string[];
}

export const inits = {
  systemd: {
    door: "run/systemd/private",
    state: ["systemctl", "is-system-running", "--wait"],
    reboot: ["systemctl", "reboot"],
    packages: [],
  },
  sysvinit: {
    door: "run/initctl",
    state: ["cat", "/run/booted"], // written by the last line of the inittab
    reboot: ["shutdown", "-r", "now"],
    // Without systemd's files nspawn boots /sbin/init; nginx is a service of several processes.
    packages: ["sysvinit-core", "initscripts", "insserv", "systemd-sysv-", "systemd-", "nginx"],
  },
} as const satisfies Readonly<Record<string, InitWays>>;

export type Init = keyof typeof inits;
