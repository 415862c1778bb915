// Runs on a lab host in place of the daemon: the permits of a controller carried out with the daemon's own journal.
// usage: permits.mjs STATE_DIR PERMIT_ID GRACE_MS   prints where the permit stands in the end, as JSON
import { NO_REBOOT } from "@afterpatch/core/plan/reboot";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@afterpatch/agent/clock";
import { JOURNAL_FILE, openJournal } from "@afterpatch/agent/journal/file";
import { STARTS } from "@afterpatch/agent/journal/starts";
import { operations } from "@afterpatch/agent/journal/operations";
import { takeActLock } from "@afterpatch/agent/lock";
import { realMachine } from "@afterpatch/agent/machine";
import { Orders } from "@afterpatch/agent/session/orders";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { planDigest } from "@afterpatch/core/plan/digest";
import { planOf } from "@afterpatch/core/plan/plan";
import type { PermitUpdate } from "@afterpatch/core/session";

const [stateDir = "", permitId = "", graceMs = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const machine = realMachine({ hostId: "h1", name: "web01" }, async (scan) => scan);
mkdirSync(stateDir, { recursive: true });
const journal = await openJournal(join(stateDir, JOURNAL_FILE), { now: systemClock.now, starts: STARTS });
const told = new Map<string, PermitUpdate>();
const orders = new Orders({
  hostId: "h1",
  machine,
  rules: NO_RULES,
  journal,
  clock: systemClock,
  sha256,
  reportOf,
  lock: () => {
    const lock = takeActLock();
    return lock && (() => lock.release());
  },
  emit: (update) => void told.set(update.permitId, update),
  signal,
});

await orders.resume();
await orders.tellEndings();
// The controller sends it again for as long as it has not heard the end, word for word.
const begun = operations(journal.records()).get(permitId)?.begun;
const steps = begun?.order.steps ?? planOf(await machine.scan(signal)).steps.map((step) => step.remedy);
const permit = {
  permitId,
  rolloutId: "r1",
  hostId: "h1",
  bootId: machine.bootId(),
  epoch: 1,
  steps,
  planDigest: planDigest(steps, sha256),
  beginWithinMs: 60_000,
  deadlineMs: 600_000,
  graceMs: Number(graceMs),
  settleMs: 0,
  allowNew: false,
  reboot: NO_REBOOT,
};
const { done } = await orders.take(permit, 1);
await done;
console.log(JSON.stringify([...told.values()].filter(({ state }) => state === "finished")));
for (const op of told.keys()) await orders.acknowledge(op);
await journal.close();
