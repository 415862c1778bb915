import { seeded } from "../sim/random.ts";
import type { Round } from "./round.ts";
import type { Mode } from "./site.ts";
import type { Strike } from "./strike.ts";

/** Rounds that walk every n-th call of one kind, n = 1 and on, until one is not hit. */
export interface Series {
  readonly name: string;
  /** Every sync and rename of the journal of `apply`: the ones that CI runs. */
  readonly inCi: boolean;
  round(nth: number): Round;
}

const SESSIONS: readonly Mode[] = ["quick", "slow"];
/** Calls on the journal and its folder. The syncs and the rename come first. */
const SYNCS = ["fdatasync", "fsync", "rename"];
const OPENING = ["openat", "read", "close", "mkdir"];
/** Calls by which the agent acts, or which lie right beside. */
const EFFECTS = ["kill", "clone", "vfork", "wait4", "pipe2"];

/** A kill that leaves an order in the middle, for the run after it to be struck while it recovers. */
const LEFT_IN_THE_MIDDLE: Strike = kill("fdatasync", 4, "after", "journal", 0);

/** Every point of the journal: on a new order, on one that is recovered, and on a journal that is rewritten meanwhile. */
export function allSeries(): readonly Series[] {
  const found: Series[] = [];
  for (const by of ["apply", "permit"] as const) {
    for (const side of ["before", "after"] as const) {
      // The file is opened and read by the same code for both.
      for (const call of [...SYNCS, "write", ...(by === "apply" ? OPENING : [])]) {
        const inCi = SYNCS.includes(call);
        const strikes = (nth: number) => [kill(call, nth, side, "journal", 0)];
        found.push(series(`${by}: kill ${side} ${call}`, inCi && by === "apply", { by, strikes }));
        const recovering = (nth: number) => [LEFT_IN_THE_MIDDLE, ...strikes(nth)];
        const isShort = by === "apply" && call !== "fdatasync" && (side === "before" || call === "rename");
        found.push(series(`${by}, recovering: kill ${side} ${call}`, inCi && isShort, { by, strikes: recovering }));
        if (!SYNCS.includes(call) && call !== "write") continue;
        const full = { by, strikes, roomBytes: 1500 };
        found.push(series(`${by}, full journal: kill ${side} ${call}`, call === "rename" && by === "apply", full));
      }
      for (const call of EFFECTS) {
        const strikes = (nth: number) => [kill(call, nth, side, "anything", 0)];
        found.push(series(`${by}: kill ${side} ${call}`, false, { by, strikes }));
      }
    }
    found.push(...errorSeries(by));
  }
  return found;
}

function errorSeries(by: Round["by"]): readonly Series[] {
  const found: Series[] = [];
  for (const error of ["EIO", "ENOSPC"] as const) {
    for (const call of error === "EIO"
      ? ["fdatasync", "fsync", "write", "rename", "openat", "read"]
      : ["write", "openat"]) {
      const isLasting = error === "ENOSPC";
      const fail = (nth: number): Strike => ({ kind: "error", call, nth, error, isLasting, keeps: 0 });
      const inCi = by === "apply" && error === "EIO" && call === "fdatasync";
      found.push(series(`${by}: ${error} in ${call}`, inCi, { by, strikes: (nth) => [fail(nth)] }));
      const recovering = (nth: number) => [LEFT_IN_THE_MIDDLE, fail(nth)];
      found.push(series(`${by}, recovering: ${error} in ${call}`, false, { by, strikes: recovering }));
    }
  }
  return found;
}

function series(
  name: string,
  inCi: boolean,
  what: {
    readonly by: Round["by"];
    readonly strikes: (nth: number) => readonly Strike[];
    readonly roomBytes?: number;
  },
): Series {
  const { by, strikes, roomBytes = null } = what;
  return {
    name,
    inCi,
    round: (nth) => ({ name: `${name} ${nth}`, by, roomBytes, sessions: SESSIONS, strikes: strikes(nth) }),
  };
}

function kill(
  call: string,
  nth: number,
  side: "before" | "after",
  on: "journal" | "anything",
  keeps: number | null,
): Strike {
  return { kind: "kill", call, nth, side, on, keeps };
}

/** Calls of all kinds, and up to which number of one thread they are struck. */
const ANYTHING: readonly (readonly [string, number])[] = [
  ["futex", 300],
  ["epoll_pwait", 120],
  ["read", 3000],
  ["openat", 2000],
  ["close", 2000],
  ["readlink", 600],
  ["statx", 600],
  ["write", 60],
  ["munmap", 200],
  ["kill", 4],
  ["clone", 20],
  ["vfork", 20],
  ["wait4", 40],
];

/** The round of that number: up to four runs of the agent are struck, anywhere. The same for the same seed. */
export function randomRound(seed: number, number: number): Round {
  const random = seeded(seed * 1_000_003 + number);
  const below = (limit: number) => Math.floor(random() * limit);
  const one = <T>(values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0];
  const keeps = () => one([null, 0, random()]);
  const randomStrike = (): Strike => {
    const side = one<"before" | "after">(["before", "after"]);
    switch (one<"journal" | "anything" | "later">(["journal", "journal", "anything", "later"])) {
      case "journal": {
        const call = one(["fdatasync", "fdatasync", "write", "write", "fsync", "rename", "openat"]);
        return kill(call, 1 + below(call === "rename" ? 2 : 12), side, "journal", keeps());
      }
      case "anything": {
        const [call, limit] = ANYTHING[below(ANYTHING.length)] ?? ["futex", 300];
        return kill(call, Math.ceil(limit ** random()), side, "anything", keeps());
      }
      case "later":
        return { kind: "kill-later", ms: below(1800), keeps: keeps() };
    }
  };
  const by = random() < 0.7 ? "apply" : "permit";
  const roomBytes = random() < 0.15 ? below(4000) : null;
  const modes: Mode[] = random() < 0.15 ? ["deaf", "quick"] : ["quick", "slow"];
  const strikes = Array.from({ length: 1 + below(4) }, randomStrike);
  return { name: `random ${number}`, by, roomBytes, sessions: modes, strikes };
}
