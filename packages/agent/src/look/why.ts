import { readFileSync } from "node:fs";
import { CommandError } from "@afterpatch/core/command-error";
import { type HostIndex, indexOf } from "@afterpatch/core/detect/host";
import { EXIT } from "@afterpatch/core/exit";
import type { ProcessFacts } from "@afterpatch/core/facts";
import { scanOf } from "@afterpatch/core/findings";
import { insteadOf } from "@afterpatch/core/plan/instead";
import type { Step } from "@afterpatch/core/plan/types";
import type { Finding, FoundFile, Owner, ProcessIdentity, Remedy, Scan, Verdict } from "@afterpatch/core/scan";
import { textOfBytes, visible } from "@afterpatch/core/text";
import { type CopyEvidence, copyEvidence } from "@afterpatch/core/users/copy";
import { ownerRule } from "@afterpatch/core/why/owner-rule";
import { readStat, type Task } from "../host/processes.ts";
import { codeOf } from "../host/read.ts";
import { type ScanOptions, sha256 } from "../host/scan.ts";
import { type Copy, copiesOf } from "./copies.ts";
import { type Look, lookAtHost } from "./host.ts";
import { type InterpretedCopy, interpretedCopies } from "./interpreted.ts";
import { type DocumentHost, documentHost, identityOf, shownOwner } from "./process.ts";

/** One file of the process, and what is known of it. */
export interface WhyFile extends CopyEvidence {
  readonly path: string;
  readonly kind: "executable" | "library" | "script" | "archive";
  /** Of a container's image, as in a scan. */
  readonly image?: FoundFile["image"];
  readonly cves: readonly string[] | null;
  /** Of what an interpreter reads: by what that is known, if it may be old. */
  readonly evidence?: string;
}

/** The document `afterpatch.why/v1`. */
export interface WhyDocument {
  readonly schema: "afterpatch.why/v1";
  readonly host: DocumentHost;
  readonly startedAt: number;
  readonly elapsedMs: number;
  readonly pid: number;
  /** What could be learnt of it. Only `read` says anything about its code. */
  readonly state: "read" | "kernel-thread" | "exited" | "unreadable";
  /** One sentence: the conclusion. */
  readonly because: string;
  readonly process: ProcessIdentity | null;
  /** Null where it is no finding, or where nothing is known (then `state` is not `read`). */
  readonly verdict: Verdict | null;
  /** Id of its finding in a scan. */
  readonly finding: string | null;
  readonly owner: (Owner & { readonly rule: string }) | null;
  /** Old ones first. */
  readonly files: readonly WhyFile[];
  readonly remedy: Remedy | null;
  /** Every other remedy, smallest first, and why it is not the one. */
  readonly insteadOf: Step["insteadOf"];
}

type Narrow = (scan: Scan) => Scan;

/**
 * The evidence about one process; `narrow` says what the administrator forbids. A pid that is none is an error with exit
 * code 6.
 */
export function whyOf(pid: number, options: ScanOptions, narrow: Narrow = (scan) => scan): WhyDocument {
  const isKernelThread = checkPid(pid);
  const look = lookAtHost(options);
  const host = indexOf(look.facts);
  const process = host.byPid.get(pid);
  // A process may be in the facts as the parent of another one only, although nothing of its code could be read.
  const isRead = look.table.places.some(({ tasks }) => tasks.some((task) => task.pid === pid));
  const known = process && isRead ? explained(process, host, look, narrow) : unexplained(pid, isKernelThread, look);
  return {
    schema: "afterpatch.why/v1",
    host: documentHost(look.facts),
    startedAt: look.facts.startedAt,
    elapsedMs: Math.max(0, options.now() - look.facts.startedAt),
    pid,
    ...known,
  };
}

type Known = Omit<WhyDocument, "schema" | "host" | "startedAt" | "elapsedMs" | "pid">;

function explained(process: ProcessFacts, host: HostIndex, look: Look, narrow: Narrow): Known {
  const { facts, table, interpreted } = look;
  const { findings } = narrow(scanOf(facts, sha256));
  const finding = findings.find((candidate) => candidate.process?.pid === process.pid) ?? null;
  const isIt = ({ pid }: Task) => pid === process.pid;
  const copies: readonly (Copy | InterpretedCopy)[] = [
    ...copiesOf(table, () => true, isIt),
    ...interpretedCopies(look, () => true, isIt),
  ];
  const files = copies.map((copy): WhyFile => {
    const evidence = copyEvidence(copy, process, facts);
    const path = visible(copy.path);
    const found = finding?.files.find((file) => file.path === path && file.verdict === evidence.verdict);
    const own = copy.path === process.executable ? "executable" : "library";
    const kind = "kind" in copy ? copy.kind : (found?.kind ?? own);
    const by = found?.evidence === undefined ? {} : { evidence: found.evidence };
    return { path, kind, ...evidence, cves: found?.cves ?? null, ...by };
  });
  files.push(...imagesOf(finding));
  files.sort(oldFirst);
  const program = interpreted.find(({ running }) => isIt(running.task));
  return {
    state: "read",
    because: conclusion(finding, files, program?.files.untold ?? null),
    process: identityOf(process),
    verdict: finding?.verdict ?? null,
    finding: finding?.id ?? null,
    owner: {
      ...shownOwner(process, host),
      rule: visible(ownerRule(process, finding?.owner ?? shownOwner(process, host), host)),
    },
    files,
    remedy: finding?.remedy ?? null,
    insteadOf: finding ? insteadOf(finding).filter(({ whyNot }) => whyNot !== "") : [],
  };
}

/** What a container was made of is nothing that a process has mapped or read. */
function imagesOf(finding: Finding | null): readonly WhyFile[] {
  return (finding?.files ?? []).flatMap(({ path, kind, verdict, buildId, image, package: from, cves }) => {
    if (image === undefined) return [];
    const copy = verdict === "unknown" ? "unknown" : "old";
    return [{ path, kind, copy, verdict, buildId, image, package: from, why: null, cves }];
  });
}

function conclusion(finding: Finding | null, files: readonly WhyFile[], untold: string | null): string {
  const same = files.filter(({ verdict }) => verdict === "identical").length;
  const reinstalled = same > 0 ? ` ${same} of them were replaced by the same content.` : "";
  const doubt = untold === null ? "" : ` What it interprets is not known: ${visible(untold)}.`;
  if (finding === null) {
    const read = files.filter(({ kind }) => kind === "script" || kind === "archive").length;
    const mapped = `each of the ${files.length - read} files whose code it has mapped is the one on the disk`;
    const scripts = read === 0 ? "" : `, and so is, as far as can be told, each of the ${read} that it interprets`;
    return `No finding: ${mapped}${scripts}.${reinstalled}${doubt}`;
  }
  const old = files.filter(({ copy }) => copy === "old").length;
  if (finding.verdict === "unknown")
    return "It is not known whether it runs old code: not every file could be compared.";
  const verb = finding.verdict === "suspected" ? "is suspected to run" : "runs";
  const may = finding.verdict === "suspected" ? "may not be" : "are not";
  return `It ${verb} old code: ${old} of ${files.length} files ${may} the ones on the disk.${doubt}`;
}

const COPIES = ["old", "unknown", "new"];

function oldFirst(a: WhyFile, b: WhyFile): number {
  const kinds = Number(b.kind === "executable") - Number(a.kind === "executable");
  return COPIES.indexOf(a.copy) - COPIES.indexOf(b.copy) || kinds || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}

function unexplained(pid: number, isKernelThread: boolean, { facts, table }: Look): Known {
  const nothing = { process: null, verdict: null, finding: null, owner: null, files: [], remedy: null, insteadOf: [] };
  if (isKernelThread) {
    const because =
      "It is a thread of the kernel and runs no file; 'afterpatch-agent scan' says what is known of the kernel.";
    return { ...nothing, state: "kernel-thread", because };
  }
  const unreadable =
    facts.unreadable.find((entry) => entry.pid === pid) ?? table.unreadable.find((entry) => entry.pid === pid);
  if (unreadable) return { ...nothing, state: "unreadable", because: `Not known: ${visible(unreadable.why)}.` };
  if (!table.stats.has(pid)) throw noSuchProcess(pid, "it ended while it was looked at");
  return {
    ...nothing,
    state: "exited",
    because: "It has exited and runs no code; its parent has not taken note of that yet.",
  };
}

/** True for a thread of the kernel. */
function checkPid(pid: number): boolean {
  try {
    const group = /^Tgid:\t([0-9]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    if (group !== undefined && Number(group) !== pid) {
      throw new CommandError(
        EXIT.selection,
        `pid ${pid}`,
        `it is a thread of process ${group}`,
        `see 'afterpatch-agent why ${group}'`,
      );
    }
    return readStat(`/proc/${pid}`)?.isKernelThread ?? false;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw noSuchProcess(pid, `there is no such process (${textOfBytes(codeOf(error))})`);
  }
}

function noSuchProcess(pid: number, why: string): CommandError {
  return new CommandError(
    EXIT.selection,
    `pid ${pid}`,
    why,
    "'afterpatch-agent scan' lists those with old code, 'ps -e' all",
  );
}
