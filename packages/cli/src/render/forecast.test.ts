import { expect, test } from "vitest";
import type { ForecastDocument } from "../documents/forecast.ts";
import { plain } from "../shell.ts";
import { budgetLines, forecastLines } from "./forecast.ts";

const host = (name: string, ms: number, basis = "measured") => ({ id: name, name, ms, basis });
const ONE: ForecastDocument = {
  totalMs: 40_000,
  waves: [{ name: "all", ms: 40_000 }],
  hosts: [host("web1", 40_000, "guess")],
  window: null,
};

test.each<[string, ForecastDocument | null, readonly string[]]>([
  ["nothing to do", null, []],
  ["nothing measured", ONE, ["Takes about 40s, a guess: no rollout has been measured yet"]],
  [
    "waves of hosts of each kind, and a window that is too short",
    {
      totalMs: 7_200_000,
      waves: [
        { name: "canary", ms: 1_800_000 },
        { name: "rest", ms: 5_400_000 },
      ],
      hosts: [
        host("a", 300_000),
        host("b", 200_000, "like"),
        host("c", 60_000),
        ...[..."defg"].map((n) => host(n, 1, "guess")),
      ],
      window: { from: 0, until: 3_600_000, fits: false },
    },
    [
      "Takes about 2h (canary 30m, rest 90m), measured on 2 hosts, taken from other hosts for 1, guessed for 4",
      "Longest: a 5m, b 3m, c 1m, d 1s, e 1s, and 2 more",
      "It does not fit the next window of 1h: the rest waits for the one after it",
    ],
  ],
  [
    "a window that is long enough",
    { ...ONE, window: { from: 0, until: 3_600_000, fits: true } },
    ["Takes about 40s, a guess: no rollout has been measured yet", "It fits the next window"],
  ],
])("%s", (_name, forecast, expected) => expect(forecastLines(forecast, plain, false)).toEqual(expected));

test("budgets are told as integers", () => {
  const groups = [
    { value: "a", hosts: 12, most: 1 },
    { value: "b", hosts: 25, most: 2 },
  ];
  expect(
    budgetLines([
      { name: "by service: at most 10%", maxGroups: null, groups },
      { name: "by zone: at most 1 groups", maxGroups: 1, groups },
      { name: "role=etcd: a majority stays", maxGroups: null, groups: [{ value: "", hosts: 3, most: 1 }] },
    ]),
  ).toEqual([
    "Budget by service: at most 10%: a 1 of 12, b 2 of 25",
    "Budget by zone: at most 1 groups: 1 group of 2 at once",
    "Budget role=etcd: a majority stays: 1 of 3",
  ]);
});
