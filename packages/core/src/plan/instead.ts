import { type Finding, REMEDIES, type RemedyKind } from "../scan.ts";
import { reloadRule } from "./reload.ts";
import type { Step } from "./types.ts";

type Acting = Exclude<RemedyKind, "none">;

/** Every other remedy, smallest first, and why it was not chosen instead of the one of `finding`. */
export function insteadOf(finding: Finding): Step["insteadOf"] {
  const { kind: chosen } = finding.remedy;
  const size = REMEDIES.indexOf(chosen);
  return REMEDIES.flatMap((kind, index) => {
    if (kind === "none" || kind === chosen) return [];
    return [{ kind, whyNot: index < size ? tooSmall(kind, finding) : tooBig(kind, finding) }];
  });
}

/** Of the step `reboot`: `finding` is the first that asks for it, null where a person ordered it for no finding. */
export function insteadOfReboot(finding: Finding | null): Step["insteadOf"] {
  if (finding !== null) return insteadOf(finding);
  return REMEDIES.flatMap((kind) =>
    kind === "none" || kind === "reboot" ? [] : [{ kind, whyNot: "A person ordered a reboot of this host." }],
  );
}

/** Why a smaller remedy than the one of this finding does not put the new code into use. */
function tooSmall(kind: Acting, finding: Finding): string {
  const { owner, remedy, process } = finding;
  if (process === null) return (finding.kind === "microcode" ? TOO_SMALL_FOR_MICROCODE : TOO_SMALL_FOR_KERNEL)[kind];
  const who = `process ${process.pid} of ${owner.name}`;
  switch (kind) {
    case "end-session":
      if (owner.kind === "init") return "PID 1 is no session that could be ended.";
      return `No super-server started ${who} for one connection: ending it would end what it does for everybody.`;
    case "relaunch-application":
      if (owner.kind === "init") return "PID 1 cannot be halted and launched again.";
      if (owner.kind === "service")
        return `${manager(finding)} keeps ${owner.name}: it would not know of a program launched beside it.`;
      return `No rule of the administrator says how to halt and launch ${owner.name} again.`;
    case "reload":
      return reload(finding);
    case "restart-service":
      if (owner.kind === "init") return "PID 1 is no service: nobody is left to start it when it stops.";
      if (remedy.kind === "reexec") return `A restart of ${owner.name} would end everything that this user runs.`;
      if (owner.kind === "service") return remedy.reason;
      return `${owner.name} is not in a service that can be stopped and started by itself.`;
    case "reexec":
      if (owner.kind === "init") return "How this PID 1 replaces itself in place is not known.";
      return `Re-executing a manager replaces that manager alone, not ${owner.name}.`;
    case "restart-container":
      return owner.kind === "container"
        ? `The image of ${owner.name} may still hold the old code: its owner has to build it again.`
        : `${owner.name} is not in a container.`;
    case "reboot":
      return "A reboot is never decided for this alone.";
  }
}

const TOO_SMALL_FOR_KERNEL: Record<Acting, string> = {
  "end-session": "The kernel is no session that could be ended.",
  "relaunch-application": "The kernel is no program that could be halted and launched again.",
  reload: "A running kernel does not read its image again.",
  "restart-service": "No service runs the kernel: it goes on beneath every restart.",
  reexec: "PID 1 replaces itself alone, on the same kernel.",
  "restart-container": "A container runs on this very kernel.",
  reboot: "",
};

const TOO_SMALL_FOR_MICROCODE: Record<Acting, string> = {
  "end-session": "Microcode is no session that could be ended.",
  "relaunch-application": "Microcode is no program that could be halted and launched again.",
  reload:
    "The kernel's own documentation calls it dangerous to load microcode into processors that are at work (x86/microcode): it is loaded at boot.",
  "restart-service": "No service runs the microcode: it is in the processors.",
  reexec: "PID 1 replaces itself alone, on the same processors.",
  "restart-container": "A container runs on these very processors.",
  reboot: "",
};

function reload(finding: Finding): string {
  const { owner } = finding;
  const path = finding.files.find(({ verdict }) => verdict !== "unknown" && verdict !== "identical")?.path;
  const code = path === undefined ? "old code" : `the old code of ${path}`;
  if (owner.kind === "init") {
    const what = owner.manager === "systemd" ? "units" : "configuration";
    return `A reload has PID 1 read its ${what} again and leaves ${code} in memory.`;
  }
  if (owner.kind !== "service") return `${owner.name} has no manager that could reload it.`;
  const known = reloadRule(owner.name);
  if (known) return known;
  return `A reload does not replace code: ${owner.name} would read its configuration again with ${code} in memory.`;
}

function manager({ owner }: Finding): string {
  if (owner.name.includes("/")) return `The manager of that user (${owner.name.slice(0, owner.name.indexOf("/"))})`;
  return owner.manager ?? "Its manager";
}

function tooBig(kind: Acting, { owner, remedy }: Finding): string {
  if (remedy.kind === "relaunch-application") return insteadOfRelaunch(kind, owner);
  if (kind !== "restart-service" || remedy.kind !== "end-session") return TOO_BIG[kind];
  if (owner.kind === "socket-session")
    return `A restart of ${owner.name} would start the new program in the middle of the same connection.`;
  if (remedy.after) return `${remedy.after} is restarted before, and leaves the forks that serve open connections.`;
  return TOO_BIG[kind];
}

function insteadOfRelaunch(kind: Acting, { kind: ofWhat, name }: Finding["owner"]): string {
  if (kind === "restart-container" && ofWhat === "container")
    return `Started again, ${name} would go on with the image it was made of: the rule of the agent's file makes it anew.`;
  if (kind === "reload") return `No manager could reload ${name}, and a reload does not replace code.`;
  if (kind === "restart-service") return `No service manager has ${name}: there is nothing that it could restart.`;
  return TOO_BIG[kind];
}

/** Why a bigger remedy than the planned one is not needed. */
const TOO_BIG: Record<Acting, string> = {
  "end-session": "",
  "relaunch-application": "Not needed: no program has to be launched again by hand.",
  reload: "Not needed: nothing has to read its configuration again.",
  "restart-service":
    "Not needed: new connections already start the new program; a restart would touch sessions that are not old.",
  reexec: "Not needed: PID 1 is not what has to be replaced.",
  "restart-container": "Not needed: no container has to be replaced.",
  reboot: "Not needed: a smaller action replaces all the old code found here.",
};
