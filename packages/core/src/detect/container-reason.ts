import type { ProcessFacts } from "../facts.ts";
import { cgroupOwner, ownPath } from "../systemd/cgroup.ts";
import { heldContainer } from "./container.ts";
import { type HostIndex, lineage } from "./host.ts";

// A container is never replaced by the tool of itself: only who made it knows its volumes, networks and options. What is
// said is what there is to decide, without the full stop.

/** Of a process in a container. */
export function containerReason(process: ProcessFacts, host: HostIndex): string {
  const unit = unitAround(process, host);
  const keeper = unit === null ? "" : ` (${unit} runs it; whether a restart of that makes it anew is theirs to say)`;
  const image = imageSentence(process, host);
  if (image === null) {
    return `It runs in a container; ask the container's owner to rebuild the image and replace the container${keeper}`;
  }
  const rule = "or say how in a rule of the agent's file (applications, match.container)";
  return `${image}; ask the container's owner to replace the container${keeper}, ${rule}`;
}

function imageSentence({ files }: ProcessFacts, { facts }: HostIndex): string | null {
  for (const index of files) {
    const { path, image } = facts.files[index] ?? {};
    if (!image) continue;
    const now = image.named === null ? "no image here any more" : `image ${short(image.named)} here now`;
    return `It runs image ${short(image.running)} of ${path}, a name that means ${now}`;
  }
  return null;
}

function short(id: string): string {
  return id.slice(0, 12);
}

/** The service of systemd whose process on this host holds the container: a quadlet, or one that somebody wrote. */
function unitAround(process: ProcessFacts, host: HostIndex): string | null {
  const { pidNamespace, systemd, initCgroup } = host.facts;
  if (!systemd) return null;
  const outside = lineage(process, host).find((one) => one.pidNamespace === pidNamespace && one.pid !== 1);
  const path = outside ? ownPath(outside.cgroup, initCgroup) : null;
  const group = path === null ? null : cgroupOwner(path);
  const isService = group?.kind === "unit" && group.unit.endsWith(".service");
  // The engine's own service has the shims of all containers.
  return isService && !/^(?:docker|containerd|crio|podman)\.service$/.test(group.unit) ? group.unit : null;
}

/** Of the host's own part of a container, conmon or a shim, that no unit owns; null of anything else. */
export function hostPartReason(process: ProcessFacts, host: HostIndex): string | null {
  const container = heldContainer(process, host);
  if (container === null) return null;
  return `It is the host's own part of the container ${container}, no part of its image, and ends with it; ask the container's owner to stop and start the container`;
}
