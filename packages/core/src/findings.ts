import { type HostIndex, indexOf } from "./detect/host.ts";
import { ownerOf } from "./detect/owner.ts";
import { remedyOf } from "./detect/remedy.ts";
import { fileVerdict, strongest } from "./detect/verdict.ts";
import type { Content, FileFacts, HostFacts, ProcessFacts } from "./facts.ts";
import { type KernelPart, kernelPart } from "./kernel/findings.ts";
import { rebootOf } from "./kernel/reboot.ts";
import { rebootable } from "./plan/reboot.ts";
import type { Sha256 } from "./plan/types.ts";
import {
  type Finding,
  type FindingKind,
  type FoundFile,
  type FoundPackage,
  type OwnerKind,
  type Remedy,
  SCAN_SCHEMA,
  type Scan,
} from "./scan.ts";
import { redact, visible } from "./text.ts";

/** Facts judged. `all` lists mapped files whose successor has the same content, too. */
export function scanOf(facts: HostFacts, sha256: Sha256, { all = false }: { readonly all?: boolean } = {}): Scan {
  const host = indexOf(facts);
  const kernel = facts.kernel ? kernelPart(facts.kernel, facts, sha256) : null;
  const processes = facts.running.flatMap((process) => findingOf(process, host, sha256) ?? []);
  const shownKernel: Scan["host"]["kernel"] = kernel?.kernel ?? {
    running: visible(facts.host.kernel),
    expected: null,
    verdict: "unknown",
  };
  const doubt = rebootDoubt(kernel, processes);
  const findings = [...processes, ...(kernel?.findings ?? [])]
    .map((finding) => rebootable(finding, shownKernel, doubt))
    .sort(byOwnerThenPid);
  return {
    schema: SCAN_SCHEMA,
    host: {
      id: facts.host.id,
      name: visible(facts.host.name),
      bootId: visible(facts.host.bootId),
      os: visible(facts.host.os),
      kernel: shownKernel,
      ...(kernel ? { microcode: kernel.microcode } : {}),
    },
    startedAt: facts.startedAt,
    elapsedMs: facts.elapsedMs,
    processes: facts.processes,
    findings,
    unreadable: facts.unreadable.map(({ pid, why }) => ({ pid, why: visible(why) })),
    notes: [...(facts.notes ?? []).map(visible), ...(kernel?.notes ?? [])],
    ...(all ? { identical: identicalOf(facts) } : {}),
    reboot: facts.kernel && kernel ? rebootOf(facts.kernel, facts, kernel, findings) : { required: null, reasons: [] },
  };
}

function findingOf(process: ProcessFacts, host: HostIndex, sha256: Sha256): Finding | null {
  const mapped = process.files.flatMap((index) => host.facts.files[index] ?? []);
  const files = mapped.map((file) => foundFile(file, process)).filter(({ verdict }) => verdict !== "identical");
  if (files.length === 0) return null;
  files.sort((a, b) => order(a.path, b.path));
  const verdict = strongest(files.map((file) => file.verdict));
  const owner = ownerOf(process, host);
  const judged = { owner, process, verdict, programRemoved: isProgramRemoved(files), unknown: whyUnknown(mapped) };
  const shownOwner = { ...owner, name: visible(owner.name) };
  const remedy = remedyOf(judged, host);
  const identity = [host.facts.host.bootId, process.pidNamespace, process.pid, process.startTicks];
  return {
    id: sha256(JSON.stringify([shownOwner, identity, verdict, files.map(({ path }) => path)])).slice(0, 24),
    verdict,
    kind: KINDS[owner.kind],
    process: {
      pid: process.pid,
      startTicks: process.startTicks,
      startedAt: process.startedAt,
      user: visible(process.user),
      executable: visible(process.executable),
      command: visible(redact(process.argv)),
    },
    owner: shownOwner,
    files,
    remedy: shownRemedy(remedy),
  };
}

/** What would come up is not known, or would not come up: a sentence, or null. */
function rebootDoubt(kernel: KernelPart | null, processes: readonly Finding[]): string | null {
  const doubt = kernel?.judged.kernel.doubt ?? null;
  if (doubt !== null) return visible(doubt);
  const init = processes.find(({ owner, remedy }) => owner.kind === "init" && remedy.kind === "none");
  return init?.remedy.reason ?? null;
}

/** Names of units, too, are whatever a user's own manager says they are. */
function shownRemedy({ target, reason, takesAlong, after, ...rest }: Remedy): Remedy {
  return {
    ...rest,
    target: visible(target),
    reason: visible(reason),
    ...(takesAlong === undefined ? {} : { takesAlong: takesAlong.map(visible) }),
    ...(after === undefined ? {} : { after: visible(after) }),
  };
}

const KINDS: Record<OwnerKind, FindingKind> = {
  service: "service",
  init: "service",
  "xinetd-session": "xinetd-session",
  "socket-session": "xinetd-session",
  application: "application",
  "user-session": "application",
  container: "application",
  "virtual-machine": "application",
  kernel: "kernel",
};

function foundFile(file: FileFacts, process: ProcessFacts): FoundFile {
  return {
    path: visible(file.path),
    kind: kindOf(file, process),
    verdict: fileVerdict(file),
    ...(file.evidence === undefined ? {} : { evidence: visible(file.evidence) }),
    buildId: { mapped: buildId(file.mapped), onDisk: buildId(file.onDisk) },
    ...(file.image === undefined ? {} : { image: file.image }),
    package: file.package === undefined ? null : shownPackage(file.package),
    cves: file.cves ?? null,
  };
}

/** The image of a container is an archive: of everything that runs in it. */
function kindOf({ image, role, mappedPath, path }: FileFacts, { executable }: ProcessFacts): FoundFile["kind"] {
  if (image) return "archive";
  return role ?? ((mappedPath ?? path) === executable ? "executable" : "library");
}

function shownPackage({ name, from, to, installedAt, transaction }: FoundPackage): FoundPackage {
  const shown = { name: visible(name), from: from && visible(from), to: to && visible(to), installedAt };
  if (!transaction) return shown;
  const { tool, startedAt, command, user } = transaction;
  return {
    ...shown,
    transaction: { tool, startedAt, command: command && visible(command), user: user && visible(user) },
  };
}

function buildId(content: Content): string | null {
  return content.kind === "build-id" ? content.hex : null;
}

function isProgramRemoved(files: readonly FoundFile[]): boolean {
  return files.some(({ kind, verdict }) => kind === "executable" && verdict === "removed");
}

function whyUnknown(files: readonly FileFacts[]): string | null {
  for (const { path, mapped, onDisk } of files) {
    for (const side of [mapped, onDisk]) if (side.kind === "unreadable") return `${path}: ${side.why}`;
  }
  return null;
}

function identicalOf({ running, files }: HostFacts): NonNullable<Scan["identical"]> {
  return running.flatMap(({ pid, files: indices }) =>
    indices.flatMap((index) => {
      const file = files[index];
      return file && fileVerdict(file) === "identical" ? [{ pid, path: visible(file.path) }] : [];
    }),
  );
}

function byOwnerThenPid(a: Finding, b: Finding): number {
  return (
    order(a.owner.kind, b.owner.kind) ||
    order(a.owner.name, b.owner.name) ||
    (a.process?.pid ?? 0) - (b.process?.pid ?? 0)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
