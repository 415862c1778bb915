import { readFileSync } from "node:fs";
import { release } from "node:os";
import { cgroupOwner, cgroupPath, cgroupRoot, relativeCgroup } from "@afterpatch/core/systemd/cgroup";
import type { HostState } from "../../ports.ts";
import { StepError } from "../error.ts";
import { procLink, procText, processTable } from "../processes.ts";
import { listeningPorts } from "../service/ports.ts";
import { failedUnits, type InitSystem, softReboots } from "./init-system.ts";

/** What a reboot is proved by, now. Throws StepError. */
export async function hostState(init: InitSystem): Promise<HostState> {
  return {
    bootId: kernelText("random/boot_id"),
    softReboots: init === "systemd" ? await softReboots() : null,
    release: release(),
    build: kernelText("version"),
    failedUnits: init === "systemd" ? await failedUnits() : null,
    ports: listeningPorts(servicePids(init)),
  };
}

export function kernelText(name: string): string {
  try {
    return readFileSync(`/proc/sys/kernel/${name}`, "utf8").trim();
  } catch (error) {
    throw new StepError("unreadable", `/proc/sys/kernel/${name} cannot be read`, { cause: error });
  }
}

/**
 * Whoever a boot starts again: services, and PID 1 with their sockets. What runs in a person's session or in a container
 * comes back when that does. Without control groups it is whoever has no other parent than PID 1.
 */
function servicePids(init: InitSystem): readonly number[] {
  const network = procLink(1, "ns/net");
  const inHost = [...processTable()].filter(([pid]) => procLink(pid, "ns/net") === network);
  if (init === "sysvinit") return inHost.flatMap(([pid, { ppid }]) => (ppid === 1 ? [pid] : []));
  const root = cgroupRoot(cgroupPath(procText(1, "cgroup") ?? ""));
  return inHost.flatMap(([pid]) => {
    const path = relativeCgroup(cgroupPath(procText(pid, "cgroup") ?? ""), root);
    const owner = path === null ? null : cgroupOwner(path);
    const isService = owner?.kind === "unit" && owner.unit.endsWith(".service");
    return isService || owner?.kind === "init" ? [pid] : [];
  });
}
