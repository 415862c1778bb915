import { planDigest } from "@afterpatch/core/plan/digest";
import { REBOOT } from "@afterpatch/core/plan/reboot";
import type { Sha256 } from "@afterpatch/core/plan/types";
import { isCarriedOut } from "@afterpatch/core/plan/verbs";
import type { StepResult } from "@afterpatch/core/rollout/types";
import type { Scan } from "@afterpatch/core/scan";
import type { Permit, PermitUpdate, ProgressState, ScanReport } from "@afterpatch/core/session";
import { type CarriedOut, carryOut, resume } from "../apply/carry-out.ts";
import { StepError } from "../effects/error.ts";
import { isAway, operations, stepKey, unfinished } from "../journal/operations.ts";
import type { Clock, Journal, Machine, Order } from "../ports.ts";
import type { Rules } from "../vetoes/rules.ts";

/** How long to wait before trying again for the lock that another apply on this host holds. */
const LOCK_RETRY_MS = 1_000;

export interface OrdersDeps {
  readonly hostId: string;
  readonly machine: Machine;
  readonly rules: Rules;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly reportOf: (scan: Scan) => ScanReport;
  /** Takes the lock of this host's acting process; null while another holds it. */
  readonly lock: () => (() => void) | null;
  /** Called with news of a permit, whether connected or not. */
  readonly emit: (update: PermitUpdate) => void;
  readonly signal: AbortSignal;
  /** Set on an agent that can only report: the answer to every permit. */
  readonly refusal?: Refusal;
}

/** Why a permit is not begun: a code of `PermitOutcome`, and a sentence for people. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** The permits of this host: which were begun, where they stand, how they ended. Rejects only when the journal fails. */
export class Orders {
  readonly #deps: OrdersDeps;
  /** Begun by this process, by permit. */
  readonly #live = new Map<string, PermitUpdate>();
  /** Ended and told by this process: the update with its proof. */
  readonly #told = new Map<string, PermitUpdate>();

  constructor(deps: OrdersDeps) {
    this.#deps = deps;
  }

  /** Goes on with what a process before this one left in the middle. */
  async resume(): Promise<void> {
    for (const op of unfinished(this.#deps.journal.records())) {
      // A host that is back says so in its first words, long before the reboot is proved.
      const operation = operations(this.#deps.journal.records()).get(op);
      const state = operation && isAway(operation) ? "returning" : "acting";
      this.#live.set(op, { permitId: op, state, steps: this.#steps(op) });
      await this.#perform(op, (deps) => resume(op, deps), await this.#lockWhenFree());
    }
  }

  /** Permits that the controller has not acknowledged as finished; what is not here was never begun and never will be. */
  unacknowledged(): readonly PermitUpdate[] {
    return this.#open().map(
      ([op]) => this.#live.get(op) ?? { permitId: op, state: "verifying", steps: this.#steps(op) },
    );
  }

  /** Tells every ending that was not acknowledged, again. */
  async tellEndings(): Promise<void> {
    for (const [op, operation] of this.#open()) {
      if (operation.ending && !this.#live.has(op)) this.#deps.emit(await this.#ending(op));
    }
  }

  /** The controller has stored the ending. */
  async acknowledge(op: string): Promise<void> {
    const operation = operations(this.#deps.journal.records()).get(op);
    this.#told.delete(op);
    if (operation?.ending && !operation.acknowledged) await this.#deps.journal.append({ type: "acknowledged", op });
  }

  /**
   * Takes a permit. Resolves when it is in the journal; the work goes on in `done`. A permit seen before is answered
   * with where it stands; nothing is done a second time.
   */
  async take(permit: Permit, epoch: number): Promise<{ readonly done: Promise<void> }> {
    const { permitId: op } = permit;
    const least = await this.#deps.rules.least();
    if (operations(this.#deps.journal.records()).has(op)) {
      this.#deps.emit(this.#live.get(op) ?? (await this.#ending(op)));
      return { done: Promise.resolve() };
    }
    const refusal = this.#refusal(permit, epoch);
    const release = refusal ? null : this.#deps.lock();
    if (refusal ?? !release) {
      await this.#refuse(permit, refusal ?? { code: "busy", message: "another apply is running on this host" });
      return { done: Promise.resolve() };
    }
    this.#live.set(op, { permitId: op, state: "acting", steps: [] });
    const begun = Promise.withResolvers<void>();
    const done = this.#perform(
      op,
      (deps) => carryOut(op, atLeast(orderOf(permit), least), deps),
      release ?? (() => {}),
      begun.resolve,
    );
    done.catch(begun.reject);
    await begun.promise;
    return { done };
  }

  #refusal(permit: Permit, epoch: number): Refusal | null {
    if (this.#deps.refusal) return this.#deps.refusal;
    const bootId = this.#deps.machine.bootId();
    const unknown = permit.steps.find((step) => !isCarriedOut(step.kind));
    if (permit.hostId !== this.#deps.hostId)
      return { code: "wrong-host", message: `the permit is for ${permit.hostId}` };
    if (permit.epoch < epoch) return { code: "old-epoch", message: `epoch ${permit.epoch} is older than ${epoch}` };
    if (permit.bootId !== bootId) return { code: "wrong-boot", message: `the permit is for boot ${permit.bootId}` };
    if (permit.planDigest !== planDigest(permit.steps, this.#deps.sha256)) {
      return { code: "bad-digest", message: "the digest is not that of the steps" };
    }
    if (unknown) return { code: "unknown-verb", message: `this agent cannot ${unknown.kind}` };
    if (permit.reboot.mode === "never" && permit.steps.some((step) => stepKey(step) === stepKey(REBOOT))) {
      return { code: "unknown-verb", message: "the permit has a reboot among its steps and leaves reboots out" };
    }
    if (permit.beginWithinMs <= 0) return { code: "not-begun-in-time", message: "the permit arrived too late" };
    if (this.#live.size > 0) return { code: "busy", message: "another permit is being carried out" };
    return null;
  }

  /** A refused permit is in the journal as well: it stays refused, whatever arrives later. One record, see there. */
  async #refuse(permit: Permit, { code, message }: Refusal): Promise<void> {
    const { journal, clock, machine } = this.#deps;
    const { permitId: op } = permit;
    const now = { bootId: machine.bootId(), at: clock.now(), sinceBootMs: clock.sinceBootMs() };
    const refused = { result: "refused", code, message, residue: [] } as const;
    await journal.append({ type: "begun", op, order: orderOf(permit), ...now, refused });
    this.#deps.emit(await this.#ending(op));
  }

  async #perform(
    op: string,
    work: (deps: Parameters<typeof resume>[1]) => Promise<CarriedOut>,
    release: () => void,
    onBegun: () => void = () => {},
  ): Promise<void> {
    const { machine, rules, journal, clock, signal, emit, reportOf } = this.#deps;
    const report = (state: ProgressState, steps: readonly StepResult[]): void => {
      const update: PermitUpdate = { permitId: op, state, steps };
      this.#live.set(op, update);
      emit(update);
    };
    const beginning: Journal = {
      records: () => journal.records(),
      async append(record) {
        await journal.append(record);
        if (record.type === "begun") onBegun();
      },
    };
    try {
      const { ending, steps, proof } = await work({ machine, rules, journal: beginning, clock, report, signal });
      const outcome = { ...ending, proof: proof ? reportOf(proof) : null };
      this.#told.set(op, { permitId: op, state: "finished", steps, outcome });
    } finally {
      this.#live.delete(op);
      release();
    }
    if (isPermit(this.#deps.journal, op)) emit(await this.#ending(op));
  }

  /**
   * How a permit ended, with a proof: the one taken then, or a scan of now when that process is gone. While no scan
   * can be made the permit is still being verified; it is told again later.
   */
  async #ending(op: string): Promise<PermitUpdate> {
    const told = this.#told.get(op);
    if (told) return told;
    const ending = operations(this.#deps.journal.records()).get(op)?.ending;
    if (!ending) return { permitId: op, state: "acting", steps: this.#steps(op) };
    let proof: ScanReport | null = null;
    try {
      if (ending.result === "verified" || ending.result === "failed") proof = await this.#proof();
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      return { permitId: op, state: "verifying", steps: this.#steps(op) };
    }
    const update: PermitUpdate = {
      permitId: op,
      state: "finished",
      steps: this.#steps(op),
      outcome: { ...ending, proof },
    };
    this.#told.set(op, update);
    return update;
  }

  async #proof(): Promise<ScanReport> {
    return this.#deps.reportOf(await this.#deps.machine.scan(this.#deps.signal));
  }

  #steps(op: string): readonly StepResult[] {
    return [...(operations(this.#deps.journal.records()).get(op)?.outcomes.values() ?? [])];
  }

  #open() {
    const all = [...operations(this.#deps.journal.records())];
    return all.filter(([, { begun, acknowledged }]) => begun.order.from.kind === "permit" && !acknowledged);
  }

  async #lockWhenFree(): Promise<() => void> {
    for (;;) {
      const release = this.#deps.lock();
      if (release) return release;
      await this.#deps.clock.sleep(LOCK_RETRY_MS, this.#deps.signal);
    }
  }
}

function orderOf(permit: Permit): Order {
  const { rolloutId, epoch, steps, deadlineMs, graceMs, settleMs, allowNew, reboot, leave, isOrdered } = permit;
  const from = { kind: "permit", rolloutId, epoch } as const;
  const left = leave ? { leave } : {};
  return { from, steps, deadlineMs, graceMs, settleMs, allowNew, reboot, ...left, ...(isOrdered ? { isOrdered } : {}) };
}

/** Times of this host's own file count where they are longer. */
function atLeast(order: Order, { graceMs, settleMs }: Awaited<ReturnType<Rules["least"]>>): Order {
  const reboot = order.reboot && { ...order.reboot, settleMs: Math.max(order.reboot.settleMs, settleMs) };
  const times = { graceMs: Math.max(order.graceMs, graceMs), settleMs: Math.max(order.settleMs, settleMs) };
  return { ...order, ...times, ...(reboot ? { reboot } : {}) };
}

function isPermit(journal: Journal, op: string): boolean {
  return operations(journal.records()).get(op)?.begun.order.from.kind === "permit";
}
