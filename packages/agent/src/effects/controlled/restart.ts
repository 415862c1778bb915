import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { Scan } from "@afterpatch/core/scan";
import { redact, visible } from "@afterpatch/core/text";
import { ticksNow } from "../application/instances.ts";
import type { Performed, PerformOptions } from "../../ports.ts";
import type { ScriptEvidence } from "../evidence.ts";
import { obstacleSince } from "../obstacle.ts";
import { isRunning, processTable } from "../processes.ts";
import { listeningPorts, portsMissing } from "../service/ports.ts";
import { portsWithoutBanner, sshdComplaint } from "../service/sshd.ts";
import { endWaiting, servedAgain, superServerVeto } from "../super-server/order.ts";
import { orphans, type ReadServices, superServerAmong } from "../super-server/super-server.ts";
import { waitUntil } from "../wait.ts";
import type { ServiceControl } from "./control.ts";
import { programsRunBy, runningAnew } from "./running.ts";

// Services whose manager tells nothing that could be trusted, of init scripts above all: what is proved
// is that the old processes ended, that a process of the same program was started, and that it listens again.

const RESTART_TIMEOUT_MS = 180_000;
/** A daemon detaches and writes its pid file a moment after its script has ended, or stops as late. */
const AFTER_SCRIPT_MS = 10_000;
/** After a script that ended before the old processes did: likely it started nothing. */
const SOON_MS = 1_000;
const LISTEN_TIMEOUT_MS = 20_000;
const POLL_MS = 100;
const LAST_LINES = 20;

/** The processes of a service that `scan` found old, their programs, and where they can be reached. */
export function serviceNow({ target }: Pick<ServiceControl, "target">, scan: Scan): ScriptEvidence {
  const table = processTable();
  const old = scan.findings.flatMap(({ process, remedy }) => {
    if (process === null || remedy.kind !== "restart-service" || remedy.target !== target) return [];
    const { pid, startTicks } = process;
    return table.get(pid)?.startTicks === startTicks ? [{ pid, startTicks }] : [];
  });
  const pids = old.map(({ pid }) => pid);
  return { old, ran: programsRunBy(pids), ports: listeningPorts(pids), sinceTicks: ticksNow() };
}

/**
 * A service whose old processes ended since the
 * scan is left as it is; one that a crash left between stop and start has them in its evidence, and is started.
 */
export async function restartControlled(
  control: ServiceControl,
  before: ScriptEvidence,
  options: Pick<PerformOptions, "graceMs" | "obstacle" | "signal">,
  readServices: ReadServices,
): Promise<Performed> {
  const begunAt = performance.now();
  const { name } = control;
  if (before.old.length === 0) return { outcome: "skipped", detail: `no old process of ${name} is left` };
  const superServer = superServerAmong(
    before.old.map(({ pid }) => pid),
    orphans(),
  );
  const isTold = await tellsApart(control);
  const veto =
    (superServer && superServerVeto(superServer, readServices)) ??
    (await control.veto(before.old.map(({ pid }) => pid))) ??
    (await vetoed(name, before)) ??
    (await obstacleSince(begunAt, options.obstacle));
  if (veto !== null) return { outcome: "vetoed", detail: `${name} was not restarted: ${veto}` };
  if (before.old.some(({ pid }) => pid === process.pid)) return restartUs(control, options.signal);
  const held = superServer && (await endWaiting(name, superServer, readServices, options));
  if (held) return held;
  const { status, complaint, stdout, command } = await control.restart();
  if (status === null) return { outcome: "failed", detail: `${name}: ${control.by} did not end: ${shown(complaint)}` };
  const said = lastLines(stdout);
  const why = status === 0 ? "" : ` (${command} exited ${status}: ${shown(complaint)}${said})`;
  const isRaced = before.old.some(isRunning);
  const isOver = await waitUntil(() => !before.old.some(isRunning), AFTER_SCRIPT_MS, POLL_MS);
  if (!isOver) {
    // The usual trap: a pid file that is gone or stale, and a script that finds nobody to stop.
    const pids = before.old.filter(isRunning).map(({ pid }) => pid);
    return { outcome: "failed", detail: `pid ${pids.join(", ")} of ${name} outlived the restart${why}` };
  }
  const judge = isTold ? control : { ...control, start: null };
  const back = await cameBack(judge, before, isRaced ? SOON_MS : AFTER_SCRIPT_MS);
  if (back === null) {
    const detail = `${name} was stopped and did not start again: no new process runs ${namesOf(before)}${why}`;
    return { outcome: "failed", detail };
  }
  const restarted = { outcome: "done", detail: `${name} restarted by ${control.by}${back}${why}` } as const;
  if (!superServer) return restarted;
  const pids = () => superServerAmong(runningAnew(before, control.keepers()), [])?.pids ?? [];
  return servedAgain(restarted, superServer, readServices, pids, control.reload);
}

/** Its manager knows when it runs: one that does not says that of every service, and of one that was just started too. */
async function tellsApart(control: ServiceControl): Promise<boolean> {
  return control.start !== null && (await control.whyNotUp()) === null;
}

/**
 * Ends this process, which is the service. The intent of this step is in the journal: the next process of the agent finds
 * that it happened, proves it and reports. Nothing is concluded here any more.
 */
async function restartUs({ name, by, restartUs: restart }: ServiceControl, signal: AbortSignal): Promise<Performed> {
  let isOver = false;
  const asked = restart().finally(() => {
    isOver = true;
  });
  await waitUntil(() => signal.aborted || isOver, RESTART_TIMEOUT_MS, POLL_MS);
  signal.throwIfAborted();
  const { status, complaint } = await asked;
  const end = status === null ? `did not end: ${shown(complaint)}` : `exited ${status}`;
  return { outcome: "failed", detail: `${name} was not restarted: ${by} ${end}, and this agent still runs` };
}

/**
 * Null: it did not. A script whose `stop` does not wait, as that of Debian's xinetd, finds the old process when it is to
 * start the new one, and starts none: nothing runs then, and a second `start` is what a person would type.
 */
async function cameBack(control: ServiceControl, before: ScriptEvidence, withinMs: number): Promise<string | null> {
  const isBack = (ms: number) => waitUntil(() => runningAnew(before, control.keepers()).length > 0, ms, POLL_MS);
  if (await isBack(withinMs)) return "";
  // Only where its manager says itself that nothing runs: a daemon that we do not recognise is not started twice.
  if (control.start === null || (await control.whyNotUp()) === null) return null;
  await control.start();
  return (await isBack(AFTER_SCRIPT_MS))
    ? ", which had stopped it and not started it, and started it when told again"
    : null;
}

function namesOf({ ran }: ScriptEvidence): string {
  const names = ran.map(({ program, uid, script }) => {
    const what = script === null ? "" : " with the same script";
    return `${visible(program)}${what} as uid ${uid}`;
  });
  return names.join(" or ");
}

/** After a crash: the script goes on without whoever called it, and only when it has ended its work can be judged. */
export async function controlledRestarted(control: ServiceControl, before: ScriptEvidence): Promise<boolean> {
  await waitUntil(() => !control.isUnderWay(), RESTART_TIMEOUT_MS, POLL_MS);
  if (before.old.some(isRunning)) return false;
  return waitUntil(() => runningAnew(before, control.keepers()).length > 0, AFTER_SCRIPT_MS, POLL_MS);
}

/** Null, or what is wrong. */
export async function controlledSettled(control: ServiceControl, before: ScriptEvidence): Promise<string | null> {
  const { name } = control;
  const left = before.old.filter(isRunning);
  if (left.length > 0)
    return `pid ${left.map(({ pid }) => pid).join(", ")} of ${name}, from before the restart, still runs`;
  const pids = () => runningAnew(before, control.keepers());
  if (pids().length === 0) return `${name} has no process any more`;
  const missing = () => portsMissing(before.ports, listeningPorts(pids()));
  if (!(await waitUntil(() => missing().length === 0, LISTEN_TIMEOUT_MS, POLL_MS))) {
    return `${name} does not listen on ${missing().join(", ")} any more`;
  }
  if (before.ran.some(({ program }) => basename(program) === "sshd")) {
    const silent = await portsWithoutBanner(pids());
    if (silent.length > 0) return `${name} listens on tcp ${silent.join(", ")}, but no SSH server answers there`;
  }
  return control.whyNotUp();
}

async function vetoed(name: string, { ran }: ScriptEvidence): Promise<string | null> {
  const programs = ran.map(({ program }) => program);
  const gone = programs.find((program) => !existsSync(program));
  if (gone !== undefined) return `${visible(gone)} is not there, and it would not start again`;
  const sshd = programs.find((program) => basename(program) === "sshd");
  const complaint =
    sshd === undefined ? null : await sshdComplaint({ property: "ExecStart", path: sshd, args: [] }, []);
  return complaint === null ? null : `${name} would not start again: ${complaint}`;
}

function lastLines(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.length === 0 ? "" : `; it said: ${shown(lines.slice(-LAST_LINES).join(" | ").slice(-2000))}`;
}

/** What a script printed, a command line perhaps: without what looks like a secret, every character visible. */
export function shown(text: string): string {
  return visible(redact(text.split(/\s+/)));
}
