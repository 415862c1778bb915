import { formatDuration } from "@afterpatch/core/duration";
import type { StepRef } from "@afterpatch/core/rollout/types";
import type { Machine } from "../ports.ts";
import { StepError } from "./error.ts";

// Users write their units themselves, and their managers are theirs: how long one takes to answer, to stop or to start is
// a user's choice. What is waited for them is bounded for an order as a whole, however many units they have.

/** For the units of one user: two that are ended by KILL, after systemd's usual 90 s. */
const EACH_MS = 180_000;
/** For those of all users. */
const ALL_MS = 600_000;

/** The time that units of users have taken of the present order: orders are carried out one at a time. */
export class UserTime {
  readonly #now: () => number;
  readonly #spentMs = new Map<number, number>();
  #order: string | null = null;
  #waiting: { readonly uid: number; readonly since: number } | null = null;

  /** `now`: milliseconds of any clock that nobody sets. */
  constructor(now: () => number) {
    this.#now = now;
  }

  begin(op: string): void {
    if (op !== this.#order) this.#spentMs.clear();
    this.#order = op;
  }

  /** Milliseconds that may still be waited for a unit, or for the manager of a user; of the host's own without end. */
  leftFor(target: string): number {
    const uid = uidOf(target);
    return uid === null ? Number.POSITIVE_INFINITY : this.leftOf(uid);
  }

  leftOf(uid: number): number {
    return Math.max(0, Math.floor(Math.min(EACH_MS - this.#spent(uid), ALL_MS - this.#spentByAll())));
  }

  /** Why nothing more is done for this user in this order, or null. */
  isUp(uid: number): string | null {
    if (this.leftOf(uid) > 0) return null;
    const [whose, most] =
      this.#spentByAll() >= ALL_MS ? (["users", ALL_MS] as const) : ([`uid ${uid}`, EACH_MS] as const);
    return `units of ${whose} may hold up one order for ${formatDuration(most)}, and have done so`;
  }

  /** What `work` takes is the user's. */
  async charge<T>(uid: number, work: () => Promise<T>): Promise<T> {
    this.#waiting = { uid, since: this.#now() };
    try {
      return await work();
    } finally {
      this.#spentMs.set(uid, this.#spent(uid));
      this.#waiting = null;
    }
  }

  #spent(uid: number): number {
    const running = this.#waiting?.uid === uid ? this.#now() - this.#waiting.since : 0;
    return (this.#spentMs.get(uid) ?? 0) + running;
  }

  #spentByAll(): number {
    const uids = new Set([...this.#spentMs.keys(), ...(this.#waiting ? [this.#waiting.uid] : [])]);
    return [...uids].reduce((sum, uid) => sum + this.#spent(uid), 0);
  }
}

/** This process's own, as its lock of acting is. */
export const userTime = new UserTime(() => performance.now());

type Bounded = Pick<Machine, "evidence" | "perform" | "happened" | "settled">;

/** The machine, on which no user's units hold up an order for longer than is given to them. */
export function withUserTime<M extends Bounded>(
  machine: M,
  time: UserTime = userTime,
): Omit<M, keyof Bounded> & Bounded {
  return {
    ...machine,
    async evidence(step, op) {
      if (op !== undefined) time.begin(op);
      return bounded(step, time, () => machine.evidence(step, op));
    },
    async perform(step, before, options) {
      const performed = await bounded(step, time, () => machine.perform(step, before, options));
      const why = performed.outcome === "failed" ? isUp(step, time) : null;
      return why === null ? performed : { ...performed, detail: `${performed.detail}; ${why}` };
    },
    happened: (step, before, ...more) => bounded(step, time, () => machine.happened(step, before, ...more)),
    settled: async (step, before) =>
      isUp(step, time) ?? (await bounded(step, time, () => machine.settled(step, before))),
  };
}

async function bounded<T>({ target }: StepRef, time: UserTime, work: () => Promise<T>): Promise<T> {
  const uid = uidOf(target);
  if (uid === null) return work();
  const why = time.isUp(uid);
  if (why !== null) throw new StepError("timeout", why);
  return time.charge(uid, work);
}

function isUp({ target }: StepRef, time: UserTime): string | null {
  const uid = uidOf(target);
  return uid === null ? null : time.isUp(uid);
}

/** Of `user@1000.service`, the manager of a user, and of `user@1000.service/x.service`; null for what is the host's. */
function uidOf(target: string): number | null {
  const uid = /^user@([0-9]{1,10})\.service(?:\/|$)/.exec(target)?.[1];
  return uid === undefined ? null : Number(uid);
}
