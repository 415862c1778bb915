import type { Lab } from "../lab/lab.ts";
import { down, up } from "../lab/lab.ts";
import { type Played, play, type Round } from "./round.ts";
import { allSeries, randomRound, type Series } from "./rounds.ts";
import { Site, UNITS } from "./site.ts";
import { stageCrash } from "./stage.ts";

export interface Orders {
  /** The lab's name. */
  readonly name: string;
  readonly hosts: number;
  readonly seed: number;
  /** How many times the agent is killed at least. */
  readonly kills: number;
  /** Only the rounds of this name, or of series whose names begin with it. */
  readonly only: string | null;
  readonly series: "all" | "ci";
  readonly say: (line: string) => void;
}

export interface Campaign {
  rounds: number;
  kills: number;
  errors: number;
  /** Bytes that were written to a journal and lost because they were not synced. */
  lostBytes: number;
  /** Starts of units and TERMs of sessions. */
  effects: number;
  /** Calls at which something was struck, with how often. */
  readonly points: Map<string, number>;
  /** By round; none when all is well. */
  readonly failures: string[];
}

/** Walks the series, then random rounds, on several hosts at once, until there were enough kills. */
export async function campaign(orders: Orders): Promise<Campaign> {
  const total: Campaign = { rounds: 0, kills: 0, errors: 0, lostBytes: 0, effects: 0, points: new Map(), failures: [] };
  await down(orders.name); // what an interrupted run has left
  const payload = await stageCrash();
  try {
    const lab = await up({ name: orders.name, hosts: orders.hosts, payload: payload.directory, say: orders.say });
    const tasks = tasksOf(orders, total);
    await Promise.all(lab.hosts.map((_, index) => work(lab, index, payload.directory, tasks, total, orders.say)));
  } finally {
    await down(orders.name);
    await payload.remove();
  }
  return total;
}

/** A series is one task, for its end is known only when it is reached; so is one random round. */
type Task = (play: (round: Round) => Promise<Played>) => Promise<void>;

function* tasksOf({ only, series, seed, kills }: Orders, total: Campaign): Generator<Task> {
  const isRandom = only?.startsWith("random") ?? false;
  for (const found of isRandom ? [] : allSeries()) {
    const { name, inCi } = found;
    const isWanted = only === null || name.startsWith(only) || only.startsWith(name);
    if (isWanted && (series === "all" || inCi)) yield walk(found, only);
  }
  if (only !== null && !isRandom) return;
  const again = /^random (\d+)$/.exec(only ?? "")?.[1];
  const one =
    (number: number): Task =>
    async (play) =>
      void (await play(randomRound(seed, number)));
  if (again !== undefined) yield one(Number(again));
  else for (let number = 1; total.kills < kills; number++) yield one(number);
}

function walk(series: Series, only: string | null): Task {
  return async (play) => {
    for (let nth = 1; ; nth++) {
      const round = series.round(nth);
      if (only?.startsWith(series.name) && only !== series.name && only !== round.name) {
        if (nth > 1000) return;
        continue;
      }
      const { hits } = await play(round);
      if (hits.length < round.strikes.length || hits.at(-1) !== true) return;
    }
  };
}

async function work(
  lab: Lab,
  index: number,
  payload: string,
  tasks: Iterator<Task>,
  total: Campaign,
  say: (line: string) => void,
): Promise<void> {
  const host = lab.hosts[index];
  if (!host) return;
  const site = await Site.prepare(host, payload);
  let rounds = 0;
  for (let next = tasks.next(); !next.done; next = tasks.next()) {
    await next.value(async (round) => {
      rounds += 1;
      const played = await play(site, round);
      count(total, round, played, say);
      return played;
    });
  }
  for (const [unit, starts] of await site.startsBySystemd()) {
    // Once when it was made, and once in each round.
    if (starts !== rounds + 1)
      total.failures.push(`${host.name}: systemd logged ${starts} starts of ${unit} in ${rounds} rounds`);
  }
  site.close();
}

function count(total: Campaign, round: Round, played: Played, say: (line: string) => void): void {
  total.rounds += 1;
  total.effects += played.effects;
  total.lostBytes += played.lostBytes;
  round.strikes.forEach((strike, index) => {
    if (!played.hits[index]) return;
    if (strike.kind === "error") total.errors += 1;
    else total.kills += 1;
    const point =
      strike.kind === "kill-later"
        ? "at a moment"
        : `${strike.kind === "kill" ? strike.side : strike.error} ${strike.call}`;
    total.points.set(point, (total.points.get(point) ?? 0) + 1);
  });
  for (const complaint of played.complaints) {
    const line = `${round.name}: ${complaint}`;
    total.failures.push(line);
    say(`FAILED ${line} ${JSON.stringify(round.strikes)}`);
  }
  if (total.rounds % 25 === 0) say(`${total.rounds} rounds, ${total.kills} kills, ${total.failures.length} complaints`);
}

/** What a campaign came to, for people. */
export function summary(orders: Orders, total: Campaign, elapsedMs: number): string {
  const points = [...total.points]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([point, times]) => `${point} ${times}`);
  return [
    `seed ${orders.seed}: ${total.kills} kills and ${total.errors} failed calls in ${total.rounds} rounds on ${orders.hosts} hosts, ${Math.round(elapsedMs / 1000)} s`,
    `effects: ${total.effects}, each of ${UNITS.length} units and the sessions once per round; ${total.lostBytes} bytes of journals lost before their sync`,
    `points: ${points.join(", ")}`,
    total.failures.length === 0
      ? "no effect twice, none lost from the record"
      : `${total.failures.length} complaints:\n${total.failures.join("\n")}`,
  ].join("\n");
}
