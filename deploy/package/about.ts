import type { Program } from "../bundling.ts";

/** What package managers say of a package. */
export interface About {
  readonly summary: string;
  readonly description: string;
}

export const ABOUT: Readonly<Record<Program["part"], About>> = {
  agent: {
    summary: "finds what still runs old code after an upgrade, and replaces it",
    description:
      "A package upgrade replaces files, not what runs. afterpatch-agent finds the services, sessions, applications and the kernel that still run old code, says which smallest action replaces each, and carries it out when permitted: by a person on this host, or by an afterpatch controller over a fleet.",
  },
  controller: {
    summary: "restarts and reboots over a fleet until no old code is left",
    description:
      "Enrols the hosts that run afterpatch-agent, keeps their reports, and runs rollouts: restarts and reboots a few hosts at a time, under budgets, health checks and windows, with a proof at the end.",
  },
  cli: {
    summary: "command line of an afterpatch controller",
    description:
      "Says what in a fleet still runs old code, plans, starts and follows the rollouts that replace it, and reports what proves that nothing is left.",
  },
};

/** Whoever packs it for others puts an address there that somebody reads. */
export const MAINTAINER = "afterpatch developers <root@localhost>";

/** The oldest libraries with which Node of this build starts: its README for Linux, and what its ELF file asks for. */
export const OLDEST = { glibc: "2.28", libstdcxx: "7" } as const;
