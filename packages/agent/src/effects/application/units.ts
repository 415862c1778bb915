import { isForRules, type UnitsOfFindings } from "@afterpatch/core/policy/relaunch";
import type { Scan } from "@afterpatch/core/scan";
import { cgroupOwner, ownPath } from "@afterpatch/core/systemd/cgroup";
import { textOfBytes, visible } from "@afterpatch/core/text";
import { isRunning, procText } from "../processes.ts";

/** In which units the processes are that a rule for applications may match. Of one that has ended nothing is known. */
export function unitsOf(scan: Scan): UnitsOfFindings {
  const initCgroup = procText(1, "cgroup");
  return new Map(
    scan.findings.flatMap((finding) => {
      const { process, id } = finding;
      const unit = process && isForRules(finding) ? unitName(procText(process.pid, "cgroup"), initCgroup) : null;
      return process && unit !== null && isRunning(process) ? [[id, unit] as const] : [];
    }),
  );
}

function unitName(cgroup: string | null, initCgroup: string | null): string | null {
  const path = ownPath(cgroup, initCgroup);
  const group = path === null ? null : cgroupOwner(path);
  switch (group?.kind) {
    case "unit":
      return shown(group.unit);
    case "session":
      return shown(group.scope);
    case "user-unit":
      return shown(group.unit === null ? group.manager : `${group.manager}/${group.unit}`);
    case "container":
    case "init":
    case undefined:
      return null;
  }
}

function shown(bytes: string): string {
  return visible(textOfBytes(bytes));
}
