import type { Budget } from "@afterpatch/core/rollout/budgets";
import type { Care } from "@afterpatch/core/rollout/care";
import type { Hours } from "@afterpatch/core/rollout/hours";
import type { RolloutShape } from "@afterpatch/core/rollout/types";
import type { Wave } from "@afterpatch/core/rollout/waves";

const MINUTE = 60_000;
const DAY_MS = 86_400_000;

export interface SimHost {
  readonly hostId: string;
  readonly zone: string;
  readonly rack: string;
}

/** A shape that somebody could have written for these hosts, over this fleet. `now`: true time. */
export function drawShape(
  random: () => number,
  hostIds: readonly string[],
  fleet: readonly SimHost[],
  now: number,
): RolloutShape {
  return {
    waves: drawWaves(random, hostIds),
    budgets: drawBudgets(random, fleet),
    hours: drawHours(random, now),
    maxFailPercent: random() < 0.2 ? 10 + Math.floor(random() * 40) : null,
    progressDeadlineMs: random() < 0.15 ? (4 + Math.floor(random() * 20)) * MINUTE : null,
    unreachable: random() < 0.6 ? "wait" : random() < 0.5 ? "skip" : "fail",
    ...(random() < 0.25 ? { care: drawCare(random) } : {}),
  };
}

function drawWaves(random: () => number, hostIds: readonly string[]): readonly Wave[] {
  const count = Math.min(hostIds.length, 1 + Math.floor(random() * 3));
  const cuts = [0];
  for (let n = 1; n < count; n += 1) cuts.push((cuts.at(-1) ?? 0) + 1 + Math.floor(random() * 2));
  return cuts.map((from, index) => {
    const before = cuts.slice(0, index).map((_, n) => `w${n + 1}`);
    const ramp = random() < 0.4 ? [1] : random() < 0.5 ? [1, 2] : [1 + Math.floor(random() * 3)];
    return {
      name: `w${index + 1}`,
      hostIds: hostIds.slice(from, cuts[index + 1]),
      ramp,
      mode: random() < 0.5 ? "slide" : "batch",
      after: before.filter((_, n) => (n === index - 1 ? random() < 0.85 : random() < 0.3)),
      bakeMs: random() < 0.5 ? 0 : (1 + Math.floor(random() * 15)) * MINUTE,
      isApproved: random() < 0.35,
      leaderLast: null,
    };
  });
}

function drawBudgets(random: () => number, fleet: readonly SimHost[]): readonly Budget[] {
  const budgets: Budget[] = [];
  const all = fleet.map(({ hostId }) => hostId);
  const grouped = (by: "zone" | "rack", most: (members: number) => number) =>
    [...new Set(fleet.map((host) => host[by]))].map((value) => {
      const members = fleet.filter((host) => host[by] === value).map(({ hostId }) => hostId);
      return { value, hostIds: members, most: most(members.length) };
    });
  if (random() < 0.4) {
    const most = 1 + Math.floor(random() * 2);
    budgets.push({ name: `by zone: at most ${most}`, groups: grouped("zone", () => most), maxGroups: null });
  }
  if (random() < 0.3) {
    const maxGroups = 1 + Math.floor(random() * 2);
    const groups = grouped("rack", (members) => members);
    budgets.push({ name: `by rack: at most ${maxGroups} groups`, groups, maxGroups });
  }
  if (random() < 0.4) {
    const most = Math.max(1, Math.ceil(all.length / 2) - 1);
    const groups = [{ value: "", hostIds: all, most }];
    budgets.push({ name: "all hosts: a majority stays", groups, maxGroups: null });
  }
  return budgets;
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

function drawHours(random: () => number, now: number): Hours {
  const windows = Array.from({ length: random() < 0.35 ? 1 + Math.floor(random() * 2) : 0 }, () => {
    const startMinute = Math.floor(
      (((Math.floor(now) % DAY_MS) + (random() * 3 - 1) * 60 * MINUTE + DAY_MS) % DAY_MS) / MINUTE,
    );
    const durationMs = (20 + Math.floor(random() * 100)) * MINUTE;
    const lastStartMs = random() < 0.5 ? null : Math.floor(random() * 15) * MINUTE;
    return { days: DAYS, startMinute, durationMs, tz: "UTC", lastStartMs };
  });
  const freeze = Array.from({ length: random() < 0.3 ? 1 : 0 }, () => {
    const from = Math.floor(now) + Math.floor(random() * 40 * MINUTE);
    return { from, until: from + (5 + Math.floor(random() * 60)) * MINUTE, reason: "quarter end" };
  });
  return { windows, freeze };
}

function drawCare(random: () => number): Care {
  const check = (name: string) => {
    const probe = { kind: "tcp", host: "{host}", port: 22 } as const;
    return { name, probe, forMs: 0, timeoutMs: 30_000 };
  };
  const onFail = (["skip-host", "fail-host", "stop"] as const)[Math.floor(random() * 3)] ?? "fail-host";
  const isDrained = random() < 0.6;
  const hook = (name: string) => (isDrained ? { command: [name] as const, timeoutMs: 60_000, onFail } : null);
  return {
    before: random() < 0.5 ? [check("before")] : [],
    drain: hook("/hooks/drain"),
    after: random() < 0.5 ? [check("after")] : [],
    undrain: hook("/hooks/undrain"),
  };
}
