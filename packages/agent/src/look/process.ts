import type { HostFacts, ProcessFacts } from "@afterpatch/core/facts";
import type { Owner, ProcessIdentity } from "@afterpatch/core/scan";
import type { HostIndex } from "@afterpatch/core/detect/host";
import { ownerOf } from "@afterpatch/core/detect/owner";
import { redact, visible } from "@afterpatch/core/text";

/** A process as every document shows it. */
export function identityOf(process: ProcessFacts): ProcessIdentity {
  return {
    pid: process.pid,
    startTicks: process.startTicks,
    startedAt: process.startedAt,
    user: visible(process.user),
    executable: visible(process.executable),
    command: visible(redact(process.argv)),
  };
}

export function shownOwner(process: ProcessFacts, host: HostIndex): Owner {
  const { kind, manager, name } = ownerOf(process, host);
  return { kind, manager, name: visible(name) };
}

/** Which host a document is about. */
export interface DocumentHost {
  readonly id: string | null;
  readonly name: string;
  readonly bootId: string;
}

export function documentHost({ host: { id, name, bootId } }: HostFacts): DocumentHost {
  return { id, name: visible(name), bootId: visible(bootId) };
}
