import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT, type ExitCode, worst } from "@afterpatch/core/exit";
import { planOf } from "@afterpatch/core/plan/plan";
import type { RebootOrder } from "@afterpatch/core/plan/reboot";
import type { Policy } from "@afterpatch/core/policy/types";
import type { Scan } from "@afterpatch/core/scan";
import { systemClock } from "../clock.ts";
import type { ApplyArguments } from "../commands/apply.ts";
import { type Config, configReader } from "../config/config.ts";
import { configFor, missing, sayIfHeldOff } from "../config/look.ts";
import { underConfig } from "../config/narrow.ts";
import { applicationsOf, rulesOf } from "../config/rules.ts";
import { LeftOpen, StepError } from "../effects/error.ts";
import { WaitingFile } from "../effects/reboot/waiting.ts";
import { whoIsThis } from "../host/identity.ts";
import { JournalError, journalRemedy } from "../journal/error.ts";
import { type FileJournal, openJournal } from "../journal/file.ts";
import { operations, unfinished } from "../journal/operations.ts";
import { STARTS } from "../journal/starts.ts";
import { takeActLockOfTheDead } from "../lock.ts";
import { realMachine } from "../machine.ts";
import { emit, heard } from "../output.ts";
import type { Machine, Order } from "../ports.ts";
import { rebootsOfThisHost } from "../reboots.ts";
import { errorLine } from "../usage.ts";
import { journalsIn, LOCAL_JOURNAL } from "../vetoes/counts.ts";
import { HERE } from "../vetoes/vetoes.ts";
import { packageHook } from "../watch/hook.ts";
import { type CarriedOut, carryOut, resume } from "./carry-out.ts";
import type { CarryOutDeps } from "./course.ts";
import { applyExitCode } from "./exit-code.ts";
import { keptNames, leftOut, residueOrdered } from "./left-out.ts";
import { named } from "./named.ts";
import { nothingToDo, planText, question, requested, showPlan } from "./plan-text.ts";
import { type ApplyDocument, applyDocument, renderApply } from "./present.ts";
import { Progress } from "./progress.ts";
import { isEverything, type Selection, select } from "./select.ts";
import { confirm, interruption } from "./terminal.ts";

const DEADLINE_MS = 3_600_000;
/** No restart of a unit takes longer. */
const ORPHAN_MS = 600_000;

/** An order that a person gives on this host, and how it is told. */
export interface LocalArguments
  extends Omit<ApplyArguments, "reboot" | "sessionsFirst" | "delay" | "message" | "grace" | "settle"> {
  /** The command, for what is wrong with it. */
  readonly what: "apply" | "reboot";
  readonly how: RebootOrder;
  /** Null: what the agent's file says. */
  readonly graceMs: number | null;
  readonly settleMs: number | null;
}

/** `afterpatch-agent apply`, and `reboot`. */
export async function apply(args: LocalArguments): Promise<ExitCode> {
  const read = configReader(args);
  const narrow = async (scan: Scan) => underConfig(scan, await read());
  const machine = realMachine(whoIsThis(args.stateDir), narrow, applicationsOf(read), rebootsOfThisHost());
  const options = { ...whoIsThis(args.stateDir), now: Date.now };
  const selected = async () => named(args, await applicationsOf(read)(), options);
  if (args.dryRun) {
    sayIfHeldOff(await configFor(args));
    const selection = await selected();
    return showPlan(await scanned(machine), selection, args);
  }
  if (process.geteuid?.() !== 0)
    throw usageError(
      args.what,
      "needs root to act on this host",
      `run it with sudo${args.what === "apply" ? ", or look with --dry-run" : ""}`,
    );
  const hook = packageHook();
  if (hook !== null) throw insideHook(args.what, hook);
  await policyOrError(read);
  mkdirSync(args.stateDir, { recursive: true, mode: 0o700 });
  const lock = await takeActLockOfTheDead(() => {
    process.stderr.write("waiting for what an apply before this one has begun\n");
  }, ORPHAN_MS);
  if (!lock) throw held(args.what);
  try {
    const journal = await openJournal(join(args.stateDir, LOCAL_JOURNAL), { now: systemClock.now, starts: STARTS });
    try {
      return await underLock(args, selected, { machine, journal, read });
    } finally {
      await journal.close();
    }
  } catch (error) {
    if (error instanceof LeftOpen) throw leftOpen(args.what, error);
    throw error instanceof JournalError ? journalFailed(error) : error;
  } finally {
    lock.release();
  }
}

function held(what: string): CommandError {
  const waiting = new WaitingFile().read();
  if (waiting === null) {
    return new CommandError(EXIT.held, what, "another apply is running on this host", "wait until it has ended");
  }
  const why = `a reboot of this host waits until ${new Date(waiting.dueAt).toISOString()}`;
  return new CommandError(EXIT.held, what, why, "wait for it, or cancel it with 'afterpatch-agent reboot --cancel'");
}

function leftOpen(what: string, error: LeftOpen): CommandError {
  const todo = "once it is back 'afterpatch-agent apply' tells what came of it";
  return new CommandError(EXIT.detached, what, error.message, todo, { cause: error });
}

function insideHook(what: string, hook: string): CommandError {
  const why = `it was started in the middle of an upgrade (${hook}), and nothing is done before that has ended`;
  const todo = "leave it to the agent, which scans on its own once the package manager has finished";
  return new CommandError(EXIT.halted, what, why, todo);
}

interface Host {
  readonly machine: Machine;
  readonly journal: FileJournal;
  readonly read: () => Promise<Config>;
}

async function underLock(
  args: LocalArguments,
  selected: () => Promise<Selection>,
  { machine, journal, read }: Host,
): Promise<ExitCode> {
  const policy = await policyOrError(read);
  const { graceMs, settleMs } = { graceMs: args.graceMs ?? policy.graceMs, settleMs: args.settleMs ?? policy.settleMs };
  const how = { ...args.how, settleMs: args.settleMs ?? Math.max(args.how.settleMs, policy.settleMs) };
  const screen = args.format === "json" ? process.stderr : process.stdout;
  const progress = new Progress(screen, { graceMs, settleMs, now: () => performance.now() });
  const interrupt = interruption(() => progress.mute());
  const say = (line: string) => progress.say(line);
  const deps: CarryOutDeps = {
    machine: progress.over(machine),
    rules: rulesOf(read, { clock: systemClock, journals: journalsIn(args.stateDir), here: HERE }),
    journal,
    clock: systemClock,
    signal: interrupt.signal,
    report: progress.report,
  };
  try {
    const isAnswerable = args.yes || process.stdin.isTTY;
    const selection = await selected();
    if (unfinished(journal.records()).length > 0 && !isAnswerable) throw unanswerable(args.what);
    const resumed = await resumeAll(journal, deps, say);
    const scan = await scanned(machine);
    const plan = planOf(scan, requested(selection), how);
    const { chosen, left } = select(plan, selection, scan);
    const notDone = leftOut(scan, plan, selection, chosen);
    const steps = chosen.map((step) => step.remedy);
    const leave = left.map((step) => step.remedy);
    if (interrupt.signal.aborted) return EXIT.detached;
    if (chosen.length > 0 && !isAnswerable) throw unanswerable(args.what);
    if (args.format === "table" || !args.yes) say(planText(scan, { plan, chosen, notDone, how }));
    if (chosen.length > 0 && !args.yes) await confirm(args.what, question(chosen, how), interrupt.signal);
    const order: Order = {
      from: { kind: "local" },
      steps,
      leave,
      deadlineMs: DEADLINE_MS + how.delayMs,
      graceMs,
      settleMs,
      allowNew: false,
      reboot: how,
    };
    const op = randomUUID();
    progress.expect(chosen.length);
    const carried = chosen.length === 0 ? nothingToDo(scan, how) : await carryOut(op, order, deps);
    progress.stop();
    const document = applyDocument(scan, chosen, carried, { resumed, leftOut: notDone, how });
    if (args.format === "json") emit(`${JSON.stringify(document, null, 2)}\n`, args);
    else if (chosen.length > 0 || args.out !== undefined) emit(`\n${renderApply(document, carried.proof)}`, args);
    const ops = [...resumed.map((order) => order.op), ...(chosen.length === 0 ? [] : [op])];
    if (isTold(args) && !(await acknowledge(journal, ops))) return EXIT.internal;
    const kept = keptNames(notDone, selection, chosen).length > 0 ? [EXIT.halted] : [];
    const code = worst([...kept, applyExitCode(ofOrder(carried, selection, how), args.failOnResidue)]);
    const before = resumed.map((order) => applyExitCode(order, args.failOnResidue));
    return carried.ending.code === "interrupted" ? EXIT.detached : worst([...before, code]);
  } finally {
    progress.stop();
    interrupt.stop();
  }
}

/** Of a narrowed order only what was ordered counts as left. */
function ofOrder(carried: CarriedOut, selection: Selection, how: RebootOrder): CarriedOut {
  const { proof, ending } = carried;
  if (proof === null) return carried;
  const residue = residueOrdered(proof, planOf(proof, requested(selection), how), selection);
  return isEverything(selection) ? carried : { ...carried, ending: { ...ending, residue } };
}

/** The policy in force. An invalid file is an error: what it forbids is not known. */
async function policyOrError(read: Host["read"]): Promise<Policy> {
  const config = await read();
  if (config.kind === "policy") return config.policy;
  if (config.error.code === "missing") throw missing(config);
  throw usageError(
    "config",
    config.error.message,
    "mend it, and see 'afterpatch-agent config check'; nothing was done",
  );
}

/** Goes on with orders that were cut off, and tells those that ended when nobody could be told any more. */
async function resumeAll(journal: FileJournal, deps: CarryOutDeps, say: (line: string) => void) {
  const resumed: ApplyDocument["resumed"][number][] = [];
  for (const [op, operation] of operations(journal.records())) {
    if (operation.acknowledged) continue;
    say(`going on with what an apply before this one left in the middle (${op})`);
    const results = [...operation.outcomes.values()];
    const { ending, steps } = operation.ending ? { ending: operation.ending, steps: results } : await resume(op, deps);
    say(`it ended: ${ending.result}${ending.message === "" ? "" : `: ${ending.message}`}`);
    resumed.push({ op, steps, ending });
  }
  return resumed;
}

/** False where whoever would read it went away: the next apply tells it. Throws where it could not be written. */
function isTold({ out }: LocalArguments): boolean {
  const told = out === undefined ? heard() : "heard";
  if (!(told instanceof Error)) return told === "heard";
  const todo = "see to the disk or the pipe; 'afterpatch-agent apply' tells what came of it";
  throw new CommandError(EXIT.internal, "standard output", told.message, todo, { cause: told });
}

/** The person or program that gave these orders was told how they ended; where that is not noted, it is told again. */
async function acknowledge(journal: FileJournal, ops: readonly string[]): Promise<boolean> {
  try {
    for (const op of ops) await journal.append({ type: "acknowledged", op });
    return true;
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    process.stderr.write(errorLine(journalFailed(error))); // thrown, it would be a second document
    return false;
  }
}

function journalFailed(error: JournalError): CommandError {
  const todo = journalRemedy(error, "run apply again");
  return new CommandError(EXIT.internal, "journal", error.message, todo, { cause: error });
}

function unanswerable(what: LocalArguments["what"]): CommandError {
  const why = "needs an answer, and there is no terminal to ask on";
  return usageError(what, why, what === "apply" ? "add --yes to act, or --dry-run to look" : "add --yes to act");
}

async function scanned(machine: Machine): Promise<Scan> {
  try {
    return await machine.scan(new AbortController().signal);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    throw new CommandError(EXIT.failed, "scan", error.message, "nothing was done; see 'afterpatch-agent scan'", {
      cause: error,
    });
  }
}
