import { join } from "node:path";
import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { pino } from "pino";
import { systemClock } from "../clock.ts";
import { inventoryIn } from "../host/packages/inventory.ts";
import { IdentityError, loadIdentity } from "../identity/identity.ts";
import { JournalError, journalRemedy } from "../journal/error.ts";
import { JOURNAL_FILE, openJournal } from "../journal/file.ts";
import { unfinished } from "../journal/operations.ts";
import { takeActLock, takeLock } from "../lock.ts";
import { realMachine } from "../machine.ts";
import { CommandError, usageError } from "../usage.ts";
import { version } from "../version.ts";
import { dialer } from "./dial.ts";
import type { Refusal } from "./orders.ts";
import { reportOf, sha256 } from "./report.ts";
import { Session } from "./session.ts";

/** One daemon per state directory. */
const RUN_LOCK = "run.lock";

/** Without root the agent sees its own user's processes alone and can restart nothing. */
const NOT_ROOT: Refusal = {
  code: "not-root",
  message: "this agent runs without root: it reports and does nothing else",
};

/** `afterpatch-agent run`: stays until SIGTERM or SIGINT. */
export async function run(stateDir: string): Promise<ExitCode> {
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
  const session = new Session(
    {
      hostId: identity.hostId,
      agentVersion: version,
      machine: realMachine({ hostId: identity.hostId, name: identity.name, inventory: inventoryIn(stateDir) }),
      journal,
      clock: systemClock,
      sha256,
      reportOf,
      lock: () => {
        const lock = takeActLock();
        return lock && (() => lock.release());
      },
      connect: dialer(identity),
      random: Math.random,
      log,
      ...(mayAct ? {} : { refusal: NOT_ROOT }),
    },
    stop.signal,
  );
  try {
    log.info({ version, controller: identity.fleetAddress }, "agent started");
    if (!mayAct) log.warn({}, "agent runs without root: it reports what it may see and refuses every permit");
    await session.run();
    log.info({}, "agent stopped");
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw new CommandError(EXIT.internal, "journal", error.message, journalRemedy(error, "start the agent again"));
  } finally {
    await journal.close();
    running.release();
  }
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
    return await openJournal(path, { now: systemClock.now });
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw new CommandError(EXIT.internal, "journal", error.message, journalRemedy(error, "start the agent again"));
  }
}
