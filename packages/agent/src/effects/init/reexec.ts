import { statSync } from "node:fs";
import { executableMappings } from "@afterpatch/core/proc/maps";
import { visible } from "@afterpatch/core/text";
import { type AsUser, asUser } from "../../as-user.ts";
import type { Performed } from "../../ports.ts";
import { StepError } from "../error.ts";
import type { ReexecEvidence } from "../evidence.ts";
import { Pinned, type ProcessRef, procLink, procText, processTable } from "../processes.ts";
import { run, systemctl } from "../run.ts";
import { userTime } from "../user-time.ts";
import { waitUntil } from "../wait.ts";

const REEXEC_TIMEOUT_MS = 60_000;
const POLL_MS = 200;
/** SIGRTMIN+25: "Reexecutes the manager", systemd(1). SIGRTMIN is 34 with glibc, signal(7). */
const REEXECUTE = 34 + 25;

/** What executes itself anew: `init`, or the manager of a user, `user@1000.service`. */
export async function managerNow(target: string): Promise<ReexecEvidence> {
  const process = await managerOf(target);
  return { process, mappings: mappingsOf(process.pid) };
}

/** A manager replaces its own program and keeps its pid, start time and units. */
export async function reexec(target: string, before: ReexecEvidence): Promise<Performed> {
  const timeoutMs = Math.min(REEXEC_TIMEOUT_MS, userTime.leftFor(target));
  const complaint = target === "init" ? await reexecInit() : reexecUserManager(target, before.process);
  const isNew = await waitUntil(() => managerReplaced(before), timeoutMs, POLL_MS);
  if (isNew) return { outcome: "done", detail: `${called(target)} executed its program anew` };
  const why = complaint === null ? "" : `: ${complaint}`;
  return { outcome: "failed", detail: `${called(target)} did not execute its program anew${why}` };
}

/** An exec unmaps everything: something of before is no longer where it was. A manager that ended was replaced as well. */
export function managerReplaced({ process, mappings }: ReexecEvidence): boolean {
  if (processTable().get(process.pid)?.startTicks !== process.startTicks) return true;
  const now = new Set(mappingsOf(process.pid));
  return mappings.some((mapping) => !now.has(mapping));
}

/** Null, or why the manager is not as it must be. */
export async function managerSettled(target: string, before: ReexecEvidence): Promise<string | null> {
  if (!managerReplaced(before)) return `${called(target)} still runs what it ran before`;
  if (target === "init" && !isSystemd()) return null;
  const answer = await systemctl(["show", "--property=Version"], REEXEC_TIMEOUT_MS, userOf(target));
  return answer.status === 0 ? null : `${called(target)} does not answer: ${visible(answer.complaint)}`;
}

async function reexecInit(): Promise<string | null> {
  const ran = isSystemd()
    ? await systemctl(["daemon-reexec"], REEXEC_TIMEOUT_MS)
    : await run("telinit", ["u"], REEXEC_TIMEOUT_MS);
  return ran.status === 0 ? null : visible(ran.complaint);
}

/** By its signal: asked over its socket it would have to be believed. To another program that signal is the end. */
function reexecUserManager(target: string, manager: ProcessRef): string | null {
  const pinned = Pinned.open(manager);
  if (!pinned) return "it has ended";
  try {
    const program = procLink(manager.pid, "exe")?.replace(/ \(deleted\)$/, "") ?? "";
    const blocked = /^SigBlk:\t([0-9a-f]+)$/m.exec(procText(manager.pid, "status") ?? "")?.[1] ?? "0";
    const takesSignal = ((BigInt(`0x${blocked}`) >> BigInt(REEXECUTE - 1)) & 1n) === 1n;
    if (!program.endsWith("/systemd") || !takesSignal) return `pid ${manager.pid} is not the manager of ${target}`;
    return pinned.signal(REEXECUTE) ? null : "it has ended";
  } finally {
    pinned.close();
  }
}

/** Which process it is, by PID 1's own word. */
async function managerOf(target: string): Promise<ProcessRef> {
  const pid = target === "init" ? 1 : await mainPidOf(target);
  const startTicks = processTable().get(pid)?.startTicks;
  if (startTicks === undefined) throw new StepError("not-found", `${called(target)} does not run`);
  return { pid, startTicks };
}

async function mainPidOf(target: string): Promise<number> {
  if (uidOf(target) === null) throw new StepError("refused", `${visible(target)} is neither init nor a user's manager`);
  const { status, stdout, complaint } = await systemctl(
    ["show", "--property=MainPID", "--", target],
    REEXEC_TIMEOUT_MS,
  );
  if (status !== 0) throw new StepError("unreadable", `systemd says nothing about ${target}: ${visible(complaint)}`);
  return Number(/^MainPID=([0-9]+)$/m.exec(stdout)?.[1] ?? 0);
}

function mappingsOf(pid: number): readonly string[] {
  const maps = procText(pid, "maps");
  if (!maps) throw new StepError("unreadable", `/proc/${pid}/maps cannot be read`);
  return executableMappings(maps).map(({ range, device, inode }) => `${range} ${device} ${inode}`);
}

function userOf(target: string): AsUser | null {
  const uid = uidOf(target);
  return uid === null ? null : asUser(uid);
}

function uidOf(target: string): number | null {
  const uid = /^user@([0-9]{1,10})\.service$/.exec(target)?.[1];
  return uid === undefined ? null : Number(uid);
}

function called(target: string): string {
  return target === "init" ? "PID 1" : `the manager of ${target}`;
}

function isSystemd(): boolean {
  return statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() === true;
}
