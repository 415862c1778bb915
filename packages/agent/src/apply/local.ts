import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT, type ExitCode, worst } from "@afterpatch/core/exit";
import { planDigest } from "@afterpatch/core/plan/digest";
import { planOf } from "@afterpatch/core/plan/plan";
import type { Plan } from "@afterpatch/core/plan/types";
import type { Policy } from "@afterpatch/core/policy/types";
import type { Scan } from "@afterpatch/core/scan";
import { visible } from "@afterpatch/core/text";
import { systemClock } from "../clock.ts";
import type { ApplyArguments } from "../commands/apply.ts";
import { type Config, configReader } from "../config/config.ts";
import { missing, sayIfInvalid } from "../config/look.ts";
import { underConfig } from "../config/narrow.ts";
import { applicationsOf, rulesOf } from "../config/rules.ts";
import { StepError } from "../effects/error.ts";
import { readUnit } from "../effects/service/unit.ts";
import { hasScript, isScript } from "../effects/sysv/restart-script.ts";
import { whoIsThis } from "../host/identity.ts";
import { sha256 } from "../host/scan.ts";
import { JournalError, journalRemedy } from "../journal/error.ts";
import { type FileJournal, openJournal } from "../journal/file.ts";
import { operations, unfinished } from "../journal/operations.ts";
import { takeActLockOfTheDead } from "../lock.ts";
import { realMachine } from "../machine.ts";
import { emit } from "../output.ts";
import type { Machine, Order } from "../ports.ts";
import { planDocument, renderPlan } from "../render/plan.ts";
import { errorLine } from "../usage.ts";
import { journalsIn, LOCAL_JOURNAL } from "../vetoes/counts.ts";
import { HERE } from "../vetoes/vetoes.ts";
import { packageHook } from "../watch/hook.ts";
import { type CarriedOut, carryOut, resume } from "./carry-out.ts";
import type { CarryOutDeps } from "./course.ts";
import { applyExitCode } from "./exit-code.ts";
import { type ApplyDocument, applyDocument, renderApply } from "./present.ts";
import { type Selection, select, unitName } from "./select.ts";
import { sessionServices } from "./session-services.ts";
import { confirm, interruption, reporter, spoken } from "./terminal.ts";

const DEADLINE_MS = 3_600_000;
/** No restart of a unit takes longer. */
const ORPHAN_MS = 600_000;

/** Null: what the agent's file says. */
type TimedArguments = ApplyArguments & { readonly graceMs: number | null; readonly settleMs: number | null };

/** `afterpatch-agent apply`. */
export async function apply(args: TimedArguments): Promise<ExitCode> {
  const read = configReader(args);
  const narrow = async (scan: Scan) => underConfig(scan, await read());
  const machine = realMachine(whoIsThis(args.stateDir), narrow, applicationsOf(read));
  const named = { only: args.only, units: args.unit.map(serviceName), services: args.service };
  if (args.dryRun) {
    await sayIfInvalid(args);
    const selection = await known(named);
    const scan = await scanned(machine);
    return showPlan(scan, select(planOf(scan, requested(selection)), selection), args);
  }
  if (process.geteuid?.() !== 0)
    throw usageError("apply", "needs root to act on this host", "run it with sudo, or look with --dry-run");
  const hook = packageHook();
  if (hook !== null) throw insideHook(hook);
  await policyOrError(read);
  mkdirSync(args.stateDir, { recursive: true, mode: 0o700 });
  const lock = await takeActLockOfTheDead(() => {
    process.stderr.write("waiting for what an apply before this one has begun\n");
  }, ORPHAN_MS);
  if (!lock)
    throw new CommandError(EXIT.held, "apply", "another apply is running on this host", "wait until it has ended");
  try {
    const journal = await openJournal(join(args.stateDir, LOCAL_JOURNAL), { now: systemClock.now });
    try {
      return await underLock(args, named, { machine, journal, read });
    } finally {
      await journal.close();
    }
  } catch (error) {
    throw error instanceof JournalError ? journalFailed(error) : error;
  } finally {
    lock.release();
  }
}

function insideHook(hook: string): CommandError {
  const why = `it was started in the middle of an upgrade (${hook}), and nothing is done before that has ended`;
  const todo = "leave it to the agent, which scans on its own once the package manager has finished";
  return new CommandError(EXIT.halted, "apply", why, todo);
}

interface Host {
  readonly machine: Machine;
  readonly journal: FileJournal;
  readonly read: () => Promise<Config>;
}

async function underLock(args: TimedArguments, named: Selection, { machine, journal, read }: Host): Promise<ExitCode> {
  const policy = await policyOrError(read);
  const { graceMs, settleMs } = { graceMs: args.graceMs ?? policy.graceMs, settleMs: args.settleMs ?? policy.settleMs };
  const interrupt = interruption();
  const say = (line: string) => (args.format === "json" ? process.stderr : process.stdout).write(`${line}\n`);
  const deps: CarryOutDeps = {
    machine: spoken(machine, say),
    rules: rulesOf(read, { clock: systemClock, journals: journalsIn(args.stateDir), here: HERE }),
    journal,
    clock: systemClock,
    signal: interrupt.signal,
    report: reporter(say, settleMs),
  };
  try {
    const isAnswerable = args.yes || process.stdin.isTTY;
    const selection = await known(named);
    if (unfinished(journal.records()).length > 0 && !isAnswerable) throw unanswerable();
    const resumed = await resumeAll(journal, deps, say);
    const scan = await scanned(machine);
    const { chosen, left } = select(planOf(scan, requested(selection)), selection);
    const steps = chosen.map((step) => step.remedy);
    const leave = left.map((step) => step.remedy);
    if (interrupt.signal.aborted) return EXIT.detached;
    if (chosen.length > 0 && !isAnswerable) throw unanswerable();
    if (args.format === "table" || !args.yes) say(planText(scan, chosen));
    if (chosen.length > 0 && !args.yes) await confirm(chosen.length, interrupt.signal);
    const order: Order = {
      from: { kind: "local" },
      steps,
      leave,
      deadlineMs: DEADLINE_MS,
      graceMs,
      settleMs,
      allowNew: false,
    };
    const op = randomUUID();
    const carried = chosen.length === 0 ? nothingToDo(scan) : await carryOut(op, order, deps);
    const document = applyDocument(scan, chosen, carried, resumed);
    if (args.format === "json") emit(`${JSON.stringify(document, null, 2)}\n`, args);
    else if (chosen.length > 0 || args.out !== undefined) emit(`\n${renderApply(document)}`, args);
    if (!(await acknowledge(journal, [...resumed.map((order) => order.op), ...(chosen.length === 0 ? [] : [op])]))) {
      return EXIT.internal;
    }
    const code = applyExitCode(carried, args.failOnResidue);
    const before = resumed.map((order) => applyExitCode(order, args.failOnResidue));
    return code === EXIT.detached ? code : worst([...before, code]);
  } finally {
    interrupt.stop();
  }
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

/** What is done on request only is requested by its name. */
function requested({ units, services }: Selection) {
  return [
    ...units.map((target) => ({ kind: "restart-service", target })),
    ...services.map((target) => ({ kind: "end-session", target })),
  ];
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

/** The plan without its hint to run this command. */
function planText(scan: Scan, chosen: Plan["steps"]): string {
  return renderPlan({ ...planDocument(scan), steps: chosen }, scan)
    .replace(/\n\nNext: .*\n$/, "\n")
    .trimEnd();
}

function unanswerable(): CommandError {
  const why = "needs an answer, and there is no terminal to ask on";
  return usageError("apply", why, "add --yes to act, or --dry-run to look");
}

function nothingToDo(scan: Scan): CarriedOut {
  const residue = [...new Set(planOf(scan).residue.map(({ owner }) => owner))];
  return { ending: { result: "verified", code: "", message: "", residue }, steps: [], proof: scan, findingsLeft: [] };
}

function showPlan(scan: Scan, { chosen }: { readonly chosen: Plan["steps"] }, args: ApplyArguments): ExitCode {
  const digest = planDigest(
    chosen.map((step) => step.remedy),
    sha256,
  );
  const document = { ...planDocument(scan), steps: chosen, digest };
  emit(args.format === "json" ? `${JSON.stringify(document, null, 2)}\n` : renderPlan(document, scan), args);
  return EXIT.ok;
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

/** As the service's manager calls it: a unit of systemd, or a script where systemd is not PID 1. */
function serviceName(name: string): string {
  const script = name.replace(/\.service$/, "");
  return isScript(script) ? script : unitName(name);
}

/** A selection by names that exist: one with a mistake in it must not pass for "nothing to do". */
async function known({ only, units, services }: Selection): Promise<Selection> {
  for (const unit of units) {
    if (isScript(unit)) {
      if (hasScript(unit)) continue;
      throw new CommandError(EXIT.selection, "--unit", `there is no script ${visible(unit)}`, "see 'ls /etc/init.d'");
    }
    try {
      await readUnit(unit);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      throw new CommandError(EXIT.selection, "--unit", error.message, "see 'systemctl list-units --type=service'", {
        cause: error,
      });
    }
  }
  return { only, units, services: await sessionServices(services) };
}
