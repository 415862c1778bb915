import { cgroupOwner, ownPath } from "@afterpatch/core/systemd/cgroup";
import { procText } from "../processes.ts";

/** By whose name systemd knows a process, as `unit xinetd.service`. Empty where it knows none, as without systemd. */
export function groupOf(pid: number): string {
  const path = ownPath(procText(pid, "cgroup"), procText(1, "cgroup"));
  const owner = path === null ? null : cgroupOwner(path);
  switch (owner?.kind) {
    case "unit":
      return `unit ${owner.unit}`;
    case "user-unit":
      return `unit ${owner.manager}/${owner.unit ?? ""}`;
    case "session":
      return `${LOGIN}${owner.scope}`;
    case "container":
      return `container ${owner.name}`;
    case "init":
      return "init";
    case undefined:
      return "";
  }
}

const LOGIN = "login ";

/**
 * Whether a process of this group has left sessions of those `groups`: it is a service of its own, or in a container. A
 * login is none: pam_systemd moves what telnetd has started there, and it ends with its connection.
 */
export function hasLeft(group: string, groups: ReadonlySet<string>): boolean {
  return !groups.has(group) && !group.startsWith(LOGIN);
}
