import { expect, test } from "vitest";
import { confirmation } from "./confirmation.ts";

const totals = (hosts: number, fleet: number | null, reboots = 0) => ({
  ...{ hosts, fleet, withWork: hosts, steps: hosts, reboots, residue: 0, uncovered: 0 },
});

test.each<[string, number, number | null, readonly string[], readonly string[]]>([
  ["a fifth of the fleet", 10, 50, ["y", "yes", "Y "], ["", "n", "10"]],
  ["more than a fifth", 11, 50, ["11", " 11 "], ["y", "yes", "", "12"]],
  ["everything", 2, 2, ["2"], ["y"]],
  ["one of three", 1, 3, ["y"], ["1"]],
  ["a fleet of which nobody said how large it is", 2, null, ["2"], ["y"]],
])("%s", (_name, hosts, fleet, given, refused) => {
  const { isGiven } = confirmation(totals(hosts, fleet));
  expect(given.map(isGiven)).toEqual(given.map(() => true));
  expect(refused.map(isGiven)).toEqual(refused.map(() => false));
});

test("the question has the numbers that are to be read", () => {
  expect(confirmation(totals(38, 50, 2)).question).toBe(
    "Start this rollout on 38 hosts, of which 2 reboot? It selects 38 hosts of the fleet's 50; type that number to start: ",
  );
});
