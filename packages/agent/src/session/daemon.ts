import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import type { Policy } from "@afterpatch/core/policy/types";
import { pino } from "pino";
import { systemClock } from "../clock.ts";
import type { GlobalOptions } from "../command-line.ts";
import { type Config, configReader } from "../config/config.ts";
import { missing } from "../config/look.ts";
import { underConfig } from "../config/narrow.ts";
import { applicationsOf, rulesOf } from "../config/rules.ts";
import { scheduleOf } from "../config/schedule.ts";
import { machineOn } from "../effects/effects.ts";
import { readProcesses } from "../host/processes.ts";
import { readXinetd } from "../host/xinetd.ts";
import { type Identity, IdentityError, loadIdentity } from "../identity/identity.ts";
import { IdentityKeeper } from "../identity/keeper.ts";
import { JournalError, journalRemedy } from "../journal/error.ts";
import { JOURNAL_FILE, openJournal } from "../journal/file.ts";
import { unfinished } from "../journal/operations.ts";
import { STARTS } from "../journal/starts.ts";
import { takeActLock, takeLock } from "../lock.ts";
import type { Machine } from "../ports.ts";
import { answersOf } from "../probe/probe.ts";
import { unitHeld } from "../probe/unit.ts";
import { unitsNamed } from "../probe/units.ts";
import { rebootsOfThisHost } from "../reboots.ts";
import { Scanner } from "../scan-child/scanner.ts";
import { thisProgram } from "../scan-child/this-program.ts";
import { journalsIn, LOCAL_JOURNAL } from "../vetoes/counts.ts";
import { HERE } from "../vetoes/vetoes.ts";
import { version } from "../version.ts";
import { changesOfHost } from "../watch/host.ts";
import { dialer } from "./dial.ts";
import { proveLocalReboots } from "./local-reboots.ts";
import type { Refusal } from "./orders.ts";
import { reportOf, sha256 } from "./report.ts";
import { type Log, Session } from "./session.ts";

/** One daemon per state directory. */
const RUN_LOCK = "run.lock";

/** Without root the agent sees its own user's processes alone and can restart nothing. */
const NOT_ROOT: Refusal = {
  code: "not-root",
  message: "this agent runs without root: it reports and does nothing else",
};

/** `afterpatch-agent run`: stays until SIGTERM or SIGINT. SIGHUP has the agent's file read again and told about. */
export async function run({ stateDir, config: file }: GlobalOptions): Promise<ExitCode> {
  const identity = await identityOf(stateDir);
  const mayAct = process.geteuid?.() === 0;
  const running = takeLock(stateDir, RUN_LOCK);
  if (!running) throw new CommandError(EXIT.held, "run", `another agent runs on ${stateDir}`, "stop it first");
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  const log = pino({ base: { host: identity.name }, timestamp: pino.stdTimeFunctions.isoTime });
  const journal = await journalIn(stateDir);
  if (!mayAct && unfinished(journal.records()).length > 0) {
    throw usageError("run", "a plan was left in the middle on this host, which only root may finish", "run it as root");
  }
  const read = watched(configReader({ config: file }), log);
  process.on("SIGHUP", () => void read()); // what is wrong with the file is told by it, and nothing else can be
  const config = await read();
  if (config.kind === "invalid" && config.error.code === "missing") throw missing(config);
  const policy = policyOf(config);
  const scanner = new Scanner({
    order: { hostId: identity.hostId, name: identity.name, stateDir },
    program: thisProgram(),
    ...{ log, signal: stop.signal },
  });
  const machine = machineOf(scanner, read, mayAct);
  const rules = rulesOf(read, { clock: systemClock, journals: journalsIn(stateDir), here: HERE });
  const lock = () => {
    const taken = takeActLock();
    return taken && (() => taken.release());
  };
  const keeper = new IdentityKeeper(identity, { stateDir, clock: systemClock, random: Math.random, log });
  const session = new Session(
    {
      hostId: identity.hostId,
      agentVersion: version,
      instanceId: randomUUID(),
      machine,
      changes: changesOfHost({
        ...{ clock: systemClock, log, signal: stop.signal },
        applyJournal: { folder: stateDir, file: LOCAL_JOURNAL },
        ...(policy ? { packages: policy.scanAfterPackageChanges } : {}),
      }),
      rules,
      journal,
      clock: systemClock,
      sha256,
      reportOf,
      lock,
      connect: dialer(() => keeper.usable()),
      probe: answersOf({ read, state: () => machine.reboots.state(), unit: unitHeld, units: unitsNamed, mayAct }),
      random: Math.random,
      log,
      ...(mayAct ? {} : { refusal: NOT_ROOT }),
      ...(policy?.report ? { schedule: scheduleOf(policy.report) } : {}),
    },
    stop.signal,
  );
  try {
    greet(log, identity, mayAct);
    const around = { machine, rules, clock: systemClock, signal: stop.signal, lock, log };
    const proving = mayAct ? proveLocalReboots(join(stateDir, LOCAL_JOURNAL), around) : Promise.resolve();
    await Promise.all([session.run(), proving, keeper.run(stop.signal)]);
    log.info({}, "agent stopped");
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw new CommandError(EXIT.internal, "journal", error.message, journalRemedy(error, "start the agent again"));
  } finally {
    stop.abort(); // of the two above one may have failed, and the other goes on
    await journal.close();
    running.release();
  }
}

function greet(log: Log, { fleetAddress }: Identity, mayAct: boolean): void {
  log.info({ version, controller: fleetAddress }, "agent started");
  if (!mayAct) log.warn({}, "agent runs without root: it reports what it may see and refuses every permit");
}

function machineOf(scanner: Scanner, read: () => Promise<Config>, mayAct: boolean): Machine {
  return machineOn(
    async (signal) => underConfig(await scanner.scan(signal), await read()),
    () => readXinetd(readProcesses()),
    applicationsOf(read),
    ...(mayAct ? [rebootsOfThisHost()] : []),
  );
}

function policyOf(config: Config): Policy | null {
  return config.kind === "policy" ? config.policy : null;
}

/** Tells of the file when it is read first and whenever it was changed. An invalid one is an alarm: nothing is done. */
function watched(read: () => Promise<Config>, log: Log): () => Promise<Config> {
  let told: Config | null = null;
  let last = "";
  return async () => {
    const config = await read();
    const said = config.kind === "invalid" ? config.error.message : (config.file ?? "");
    if (config !== told && !(config.kind === "invalid" && said === last)) {
      if (config.kind === "invalid") log.error({ file: config.error.file, why: said }, "agent's file is invalid");
      else
        log.info({ file: config.file }, config.file === null ? "no agent's file, defaults hold" : "agent's file read");
    }
    told = config;
    last = said;
    return config;
  };
}

async function identityOf(stateDir: string) {
  try {
    return await loadIdentity(stateDir);
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    const [why = error.message, todo = "enroll this host"] = error.message.split("; ");
    throw usageError("identity", why, todo);
  }
}

async function journalIn(stateDir: string) {
  const path = join(stateDir, JOURNAL_FILE);
  try {
    return await openJournal(path, { now: systemClock.now, starts: STARTS });
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw new CommandError(EXIT.internal, "journal", error.message, journalRemedy(error, "start the agent again"));
  }
}
