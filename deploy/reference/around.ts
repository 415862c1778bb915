import type { ProgramPage } from "./programs.ts";

/** What a page of manuals says beside what its program's help says. */
interface Around {
  readonly description: readonly string[];
  readonly environment: readonly (readonly [variable: string, what: string])[];
  readonly files: readonly (readonly [file: string, what: string])[];
  readonly seeAlso: readonly (readonly [page: string, section: number])[];
}

const OLD_CODE =
  "A package upgrade replaces files, not what runs: until every program that loaded the old code has been halted and launched again, a security fix is on the disk and not in force.";

export const AROUND: Readonly<Record<ProgramPage["name"], Around>> = {
  afterpatch: {
    description: [
      OLD_CODE,
      "afterpatch is the command line of operators: it shows what runs old code in a fleet, what would replace it, and has the controller do so host by host, in a safe order that stops when something fails. What was done is proved by a second look; what nothing automatic may touch is named.",
      "Hosts are selected by patterns of Ansible's grammar over names, groups and labels: all, 'role=web', 'role=web,!web03', web[01:20].",
    ],
    environment: [
      ["AFTERPATCH_CONTROLLER", "HOST:PORT of the controller, as --controller."],
      ["AFTERPATCH_CREDENTIALS", "Directory with your certificate, as --credentials."],
      ["AFTERPATCH_INVENTORY", "Ansible inventory, as --inventory."],
      ["AFTERPATCH_INVENTORY_LABELS", "Labels taken from variables of it, with commas, as --inventory-label."],
      ["AFTERPATCH_TOKEN", "A login token, for pipelines."],
      ["NO_COLOR", "No colours, as --no-color."],
    ],
    files: [["~/.config/afterpatch", "Certificate, key and the controller's address."]],
    seeAlso: [
      ["afterpatch-rollout.yaml", 5],
      ["afterpatch-agent", 8],
      ["afterpatch-controller", 8],
    ],
  },
  "afterpatch-agent": {
    description: [
      OLD_CODE,
      "afterpatch-agent finds what still runs old code on its host, and the smallest action that changes that: restart a service, end a session of xinetd, re-execute PID 1. It works by itself, or joins a controller and does what that permits. What it may do is narrowed by the host's own file.",
    ],
    environment: [["AFTERPATCH_DEBUG", "If set, an internal error is told with where it came from."]],
    files: [
      ["/etc/afterpatch/agent.yaml", "What the agent may do on this host, and when. It is never needed."],
      ["/var/lib/afterpatch/agent", "Identity, journal and newest report."],
    ],
    seeAlso: [
      ["afterpatch-agent.yaml", 5],
      ["afterpatch", 1],
      ["afterpatch-controller", 8],
    ],
  },
  "afterpatch-controller": {
    description: [
      "afterpatch-controller enrols hosts with a private CA, keeps what their agents report and runs rollouts that survive its own end. Operators reach it with afterpatch, agents by a connection that they open.",
    ],
    environment: [["AFTERPATCH_DEBUG", "If set, an internal error is told with where it came from."]],
    files: [
      ["/etc/afterpatch/controller.yaml", "Addresses, ports, intervals, webhooks. It is not needed."],
      ["/etc/afterpatch/hooks", "Programs that rollouts may have run on this machine."],
      ["/var/lib/afterpatch/controller", "Store and CA, as init made them."],
    ],
    seeAlso: [
      ["afterpatch-controller.yaml", 5],
      ["afterpatch", 1],
      ["afterpatch-agent", 8],
    ],
  },
};
