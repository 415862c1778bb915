import type { Step } from "@afterpatch/core/plan/types";
import type { RemedyKind } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import { type Selection, select, unitName } from "./select.ts";

function step(kind: RemedyKind, target: string): Step {
  return { id: `${kind}:${target}`, remedy: { kind, target }, findings: [], because: "", insteadOf: [] };
}
const PLAN = {
  steps: [
    step("end-session", "imap"),
    step("end-session", "telnet"),
    step("restart-service", "ssh.service"),
    step("reexec", "init"),
    step("reboot", "host"),
  ],
  residue: [],
};

test.each<[string, Partial<Selection>, readonly string[]]>([
  ["everything that is carried out", {}, ["imap", "telnet", "ssh.service", "init"]],
  ["one kind", { only: ["end-session"] }, ["imap", "telnet"]],
  ["a unit", { units: ["ssh.service"] }, ["ssh.service"]],
  ["a unit and a service", { units: ["ssh.service"], services: ["imap"] }, ["imap", "ssh.service"]],
  ["a service of another kind", { only: ["reexec"], services: ["imap"] }, []],
  ["a unit with the name of a service", { units: ["imap"] }, []],
  ["a kind that is left to people", { only: ["reboot"] }, []],
])("%s", (_name, selection, expected) => {
  const { chosen, left } = select(PLAN, { only: [], units: [], services: [], ...selection });
  expect(chosen.map(({ remedy }) => remedy.target)).toEqual(expected);
  expect(chosen.length + left.length).toBe(PLAN.steps.length);
});

test("units are named as for systemctl", () => {
  expect(["ssh", "ssh.service", "getty@tty1"].map(unitName)).toEqual([
    "ssh.service",
    "ssh.service",
    "getty@tty1.service",
  ]);
});
